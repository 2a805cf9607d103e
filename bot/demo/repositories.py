"""A person's own repository, taken as it stands in its last commit."""

import re
import subprocess
import tarfile
from pathlib import Path

from shared.errors import ConfigurationError


def copy_last_commit(repository: Path, target: Path) -> Path:
    """Unpack the files of a repository's last commit into a new folder, and return it.

    Raises ConfigurationError when there is no repository or no commit.
    """
    archive = target.with_suffix(".tar")
    # Reads objects only; the repository's configuration, hooks and working files stay untouched.
    command = ["git", "-C", str(repository), "archive", "--format=tar", f"--output={archive}"]
    done = subprocess.run(  # noqa: S603  a fixed command on the user's own path
        [*command, "HEAD"],
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise ConfigurationError(
            f"{repository} cannot be read as a git repository with a commit: "
            f"{done.stderr.strip() or 'git failed'}"
        )
    with tarfile.open(archive) as tar:
        tar.extractall(target, filter="data")
    archive.unlink()
    return target


def repository_name(repository: Path) -> str:
    """Return a name for the forge that is like the folder's."""
    name = re.sub(r"[^A-Za-z0-9._-]+", "-", repository.resolve().name).strip(".-")
    return name[:100] or "repository"
