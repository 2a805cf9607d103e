"""What lies between two commits: whether one follows the other, and how much was added."""

from pathlib import Path

from shared.git.command import Git
from shared.git.shas import checked


class Lineage:
    """The commits of a repository and what is reachable from them.

    ``git_dir`` is a mirror's.
    """

    def __init__(self, git_dir: Path) -> None:
        self._git = Git(git_dir)

    async def follows(self, base: str, sha: str) -> bool:
        """Tell whether a commit is another one or has it among its ancestors."""
        code, _, _ = await self._git.attempt(
            "merge-base", "--is-ancestor", checked(base), checked(sha)
        )
        return code == 0

    async def messages(self, base: str, sha: str) -> tuple[str, ...]:
        """Return the messages of the commits that one has and another has not, newest first."""
        span = (checked(sha), f"^{checked(base)}", "--")
        told = await self._git.run("log", "-z", "--no-show-signature", "--format=%B", *span)
        return tuple(m.decode(errors="replace") for m in told.split(b"\0") if m)

    async def weight(self, base: str, sha: str) -> int:
        """Return the bytes of all objects that a commit adds to those of another.

        Raises GitError when one of the two is missing.
        """
        reached = (checked(sha), f"^{checked(base)}")
        listed = await self._git.run("rev-list", "--objects", "--no-object-names", *reached)
        sizes = await self._git.run("cat-file", "--batch-check=%(objectsize)", stdin=listed)
        return sum(map(int, sizes.split()))

    async def submodules(self, sha: str) -> tuple[str, ...]:
        """List the paths at which a commit refers to other repositories."""
        listed = await self._git.run("ls-tree", "-r", "-z", checked(sha))
        entries = (entry.decode(errors="replace") for entry in listed.split(b"\0"))
        return tuple(entry.partition("\t")[2] for entry in entries if entry.startswith("160000 "))
