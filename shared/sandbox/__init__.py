"""Contain what models run: ``open_sandbox`` gives the sandbox of this machine, or refuses."""

import os
import sys

from shared.errors import SandboxUnavailable
from shared.sandbox.values import Command, Ended, Finished, Limits, Mount, Sandbox

__all__ = ["Command", "Ended", "Finished", "Limits", "Mount", "Sandbox", "open_sandbox"]


def open_sandbox(*, allow_root: bool = False) -> Sandbox:
    """Return this machine's sandbox, after a trial run inside it.

    As root a sandbox is a weaker boundary: only a CI container that is thrown away should
    allow it. Raises SandboxUnavailable, with what to do about it.
    """
    if os.geteuid() == 0 and not allow_root:
        raise SandboxUnavailable(
            "Baton does not run commands as root: start it as an ordinary user. In a CI "
            "container that is thrown away, allow it with --allow-root-sandbox."
        )
    if sys.platform == "linux":
        from shared.sandbox.bubblewrap import find_bubblewrap  # noqa: PLC0415 - Linux only

        return find_bubblewrap()
    if sys.platform == "darwin":
        from shared.sandbox.seatbelt import find_seatbelt  # noqa: PLC0415 - macOS only

        return find_seatbelt()
    raise SandboxUnavailable(
        f"There is no sandbox for {sys.platform}: run Baton on Linux, on macOS, or in WSL 2."
    )
