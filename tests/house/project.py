"""The files of this project, as the checks of the house see them."""

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("bot", "agents", "webhooks", "shared")
_NOT_OURS = ("bot/demo/sample/", "tests/data/")
# What a clone never holds, for a copy of the project without git.
_LOCAL = {".git", ".venv", ".tools", "__pycache__", "dist", "build"}


def tracked() -> list[str]:
    """List the project's files by their paths from the top."""
    # A checkout that belongs to another account is no danger to a list of names.
    command = ["git", "-c", "safe.directory=*", "ls-files", "-z"]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    if listed.returncode == 0 and listed.stdout:
        return [name for name in listed.stdout.split("\0") if name and (ROOT / name).exists()]
    return sorted(_walked())


def python_files() -> list[str]:
    """List the Python files that are this project's own work."""
    return [name for name in tracked() if name.endswith(".py") and not name.startswith(_NOT_OURS)]


def texts() -> Iterator[tuple[str, str]]:
    """Yield the path and the text of every file that is text."""
    for name in tracked():
        try:
            yield name, (ROOT / name).read_text("utf-8")
        except UnicodeDecodeError:
            continue


def _walked() -> Iterator[str]:
    for folder, folders, names in os.walk(ROOT):
        folders[:] = [name for name in folders if name not in _LOCAL]
        for name in names:
            yield str((Path(folder) / name).relative_to(ROOT))
