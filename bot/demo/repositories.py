"""A person's own repository, taken as it stands in its last commit."""

import os
import re
import subprocess
import tempfile
from pathlib import Path

from shared.errors import ConfigurationError


def copy_last_commit(repository: Path, target: Path) -> Path:
    """Write the files of a repository's last commit into a new folder, and return it.

    The repository's own index and working files stay untouched.
    Raises ConfigurationError when there is no repository or no commit.
    """
    target.mkdir(parents=True)
    with tempfile.TemporaryDirectory() as folder:
        index = Path(folder) / "index"
        _git(repository, index, "read-tree", "HEAD")
        _git(repository, index, "checkout-index", "--all", f"--prefix={target.resolve()}/")
    return target


def _git(repository: Path, index: Path, *arguments: str) -> None:
    done = subprocess.run(  # noqa: S603  fixed commands on the user's own path
        ["git", "-C", str(repository), *arguments],  # noqa: S607  git as the user has it
        env={**os.environ, "GIT_INDEX_FILE": str(index)},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        said = done.stderr.strip().removeprefix("fatal: ") or "git failed"
        raise ConfigurationError(
            f"{repository} cannot be read as a git repository with a commit ({said}). In a folder "
            "that is none yet, type: git init && git add . && git commit"
        )


def repository_name(repository: Path) -> str:
    """Return a name for the forge that is like the folder's."""
    name = re.sub(r"[^A-Za-z0-9._-]+", "-", repository.resolve().name).strip(".-")
    return name[:100] or "repository"
