"""Starting programs in the tests of the house."""

import os
import subprocess
from collections.abc import Mapping
from pathlib import Path


def ended(
    *argv: str, cwd: Path | None = None, env: Mapping[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """Run a program to its end; its errors are part of its output."""
    return subprocess.run(
        argv,
        cwd=cwd,
        env={**os.environ, **env} if env else None,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
