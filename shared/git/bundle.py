"""A commit in a file: what another machine needs, beside the repository, to go on with it."""

from pathlib import Path

from shared.errors import GitError
from shared.git.command import Git
from shared.git.mirror import Mirror
from shared.git.shas import checked

# Under this name a commit travels in a bundle, which needs one.
_NAME = "refs/baton/bundled"


async def write_bundle(mirror: Mirror, file: Path, sha: str, base: str) -> bool:
    """Write the commits that lead from ``base`` to ``sha`` into a file; False when there are none.

    Raises GitError.
    """
    if checked(sha) == checked(base):
        return False
    git = Git(mirror.path)
    name = f"{_NAME}/{sha}"
    await git.run("update-ref", name, sha)
    try:
        await git.run("bundle", "create", "--quiet", str(file), name, f"^{base}")
    finally:
        await git.run("update-ref", "-d", name)
    return True


async def read_bundle(mirror: Mirror, file: Path) -> None:
    """Take the commits of a file into a mirror that has their base.

    Raises GitError when the file is damaged or the base is not there.
    """
    try:
        await Git(mirror.path).run("bundle", "unbundle", str(file))
    except GitError as error:
        raise GitError(
            f"{file} cannot be read, or builds on a commit that {mirror.url} does not have."
        ) from error
