"""A bound on processes that also holds root, by the kernel's pids controller (Linux).

RLIMIT_NPROC does not bind processes whose user is root outside of their namespace, as in CI
containers (kernel/fork.c exempts INIT_USER), and a watch that looks again and again is slower
than a fork bomb. Where the controller can be written to, it is the bound; as an ordinary user
it is not needed.
"""

import contextlib
import os
from pathlib import Path

_ROOT = Path("/sys/fs/cgroup")
_PREFIX = "baton-"


class PidsBound:
    """A control group of one sandbox, empty and removed once the sandbox is gone."""

    def __init__(self, group: Path) -> None:
        self._group = group

    def remove(self) -> None:
        """Remove the group; it has no processes any more."""
        with contextlib.suppress(OSError):
            self._group.rmdir()


def bound(pid: int, processes: int) -> PidsBound | None:
    """Bound a process and all its descendants to come; None where that cannot be done."""
    if os.geteuid() != 0:
        return None
    parent = controller()
    if parent is None:
        return None
    _sweep(parent)
    group = parent / f"{_PREFIX}{pid}"
    try:
        group.mkdir(exist_ok=True)  # one of a killed service may be left
        (group / "pids.max").write_text(str(processes))
        (group / "cgroup.procs").write_text(str(pid))
    except OSError:
        PidsBound(group).remove()
        return None
    return PidsBound(group)


def _sweep(parent: Path) -> None:
    """Remove the groups that a killed service could not remove: their process is gone."""
    for group in parent.glob(f"{_PREFIX}*"):
        if not Path("/proc", group.name.removeprefix(_PREFIX)).exists():
            PidsBound(group).remove()


def controller() -> Path | None:
    """Return where groups with the pids controller are made: version 2 first, then version 1."""
    with contextlib.suppress(OSError):
        if "pids" in (_ROOT / "cgroup.subtree_control").read_text().split():
            return _ROOT
    version_1 = _ROOT / "pids"
    return version_1 if (version_1 / "cgroup.procs").is_file() else None
