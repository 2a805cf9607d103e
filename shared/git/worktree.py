"""One run's files, and the commits made from them."""

import asyncio
import contextlib
import os
import re
import shutil
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from shared.git.command import Git
from shared.git.shas import checked
from shared.git.tidy import tidy
from shared.git.values import Author

_SNAPSHOT_AUTHOR = Author(name="baton", email="baton@localhost")
_COMMIT = re.compile("[0-9a-f]{40}|[0-9a-f]{64}")
_SNAPSHOT_MESSAGE = "Snapshot of unfinished work"


class Worktree:
    """A checkout with a detached head, whose git directory lies outside of it.

    No command of a model may run in it while one of these methods does.
    """

    def __init__(self, path: Path, git_dir: Path) -> None:
        self.path = path
        self.git_dir = git_dir
        self._git = Git(git_dir, path)

    async def head(self) -> str:
        """Return the commit that the worktree stands on."""
        return self._detached() or await self._git.line("rev-parse", "--verify", "HEAD^{commit}")

    async def commit(
        self,
        snapshot: str,
        head: str,
        message: str,
        author: Author,
        *,
        date: datetime | None = None,
    ) -> str:
        """Commit the files of a snapshot that grew from ``head``, and stand on the new commit.

        Returns ``head`` when they are the same. Index and files stay as they are: reset to the
        commit before work goes on. Hooks and filters do not run. Raises GitError.
        """
        names = (f"{checked(sha)}^{{tree}}" for sha in (snapshot, head))
        tree, before = (await self._git.line("rev-parse", *names)).splitlines()
        if tree == before:
            return head
        sha = await self._commit_tree(tree, head, message, author, date)
        await self._git.run("update-ref", "--no-deref", "HEAD", sha)
        return sha

    async def reset(self, sha: str) -> None:
        """Make the worktree exactly the tree of a commit, and stand on it.

        Everything else goes, ignored files included.
        """
        await asyncio.to_thread(tidy, self.path)
        await self._git.run("reset", "--hard", "--quiet", checked(sha))
        await self._clean()

    async def snapshot(self) -> str:
        """Keep the present state as a commit that no branch knows, and return it.

        The head, the index and the files stay as they are. Ignored files are left out.
        """
        await asyncio.to_thread(tidy, self.path)
        head = await self.head()
        with self._spare_index() as index:
            await self._git.run("add", "--all", environment=index)
            tree = (await self._git.run("write-tree", environment=index)).decode().strip()
        return await self._commit_tree(tree, head, _SNAPSHOT_MESSAGE, _SNAPSHOT_AUTHOR, None)

    async def restore(self, sha: str) -> None:
        """Make the files those of a snapshot or another commit; the head stays where it is.

        Everything else goes, ignored files included.
        """
        await asyncio.to_thread(tidy, self.path)
        await self._git.run("read-tree", "--reset", "-u", checked(sha))
        await self._clean()
        await self._git.run("read-tree", await self.head())

    async def diff(self, base: str, head: str) -> str:
        """Return the changes between two commits as a unified diff."""
        return (await self._diff(base, head)).decode(errors="replace")

    async def diff_stat(self, base: str, head: str) -> str:
        """Return which files differ between two commits, and by how many lines."""
        return (await self._diff(base, head, "--stat=100")).decode(errors="replace")

    async def changed_files(self, base: str, head: str) -> tuple[str, ...]:
        """List the paths that differ between two commits; a rename is two of them."""
        return _paths(await self._diff(base, head, "--name-only", "-z", "--no-renames"))

    async def text(self, sha: str, path: str, most: int = 1_000_000) -> str | None:
        """Return a file of a commit as text; None when it is missing, a link, large or binary."""
        entry = await self._git.run("ls-tree", "-z", "-l", checked(sha), "--", path)
        found = re.fullmatch(rb"100\d{3} blob (\w+) +(\d+)\t.*\0", entry, re.DOTALL)
        if found is None or int(found[2]) > most:
            return None
        content = await self._git.run("cat-file", "blob", found[1].decode())
        try:
            return content.decode()
        except UnicodeDecodeError:
            return None

    async def tracked_files(self, sha: str | None = None) -> tuple[str, ...]:
        """List the paths of a commit, the head's without one."""
        commit = checked(sha) if sha else "HEAD"
        return _paths(await self._git.run("ls-tree", "-r", "-z", "--name-only", commit))

    def _detached(self) -> str:
        """Read a detached head where git keeps it, which spares a process; else return nothing."""
        try:
            told = (self.git_dir / "HEAD").read_text("ascii").strip()
        except (OSError, UnicodeDecodeError):
            return ""
        return told if _COMMIT.fullmatch(told) else ""

    async def _diff(self, base: str, head: str, *options: str) -> bytes:
        fixed = ("--no-color", "--no-ext-diff", "--no-textconv")
        return await self._git.run("diff", *fixed, *options, checked(base), checked(head), "--")

    async def _clean(self) -> None:
        await self._git.run("clean", "--quiet", "-ffdx")

    async def _commit_tree(
        self, tree: str, parent: str, message: str, author: Author, date: datetime | None
    ) -> str:
        at = f"{int((date or datetime.now(UTC)).timestamp())} +0000"
        people = {
            f"GIT_{role}_{part}": value
            for role in ("AUTHOR", "COMMITTER")
            for part, value in (("NAME", author.name), ("EMAIL", author.email), ("DATE", at))
        }
        out = await self._git.run(
            *("commit-tree", "-p", parent, "-F", "-", tree),
            stdin=f"{message.strip()}\n".encode(),
            environment=people,
        )
        return out.decode().strip()

    @contextlib.contextmanager
    def _spare_index(self) -> Iterator[dict[str, str]]:
        """Stage into a copy, so that the worktree's own index does not move."""
        spare = self.git_dir / "snapshot-index"
        with contextlib.suppress(FileNotFoundError):
            shutil.copyfile(self.git_dir / "index", spare)
        try:
            yield {"GIT_INDEX_FILE": str(spare)}
        finally:
            for leftover in (spare, spare.with_name("snapshot-index.lock")):
                leftover.unlink(missing_ok=True)


def _paths(listing: bytes) -> tuple[str, ...]:
    """Split a NUL-separated listing; names that are not UTF-8 keep their bytes."""
    return tuple(os.fsdecode(path) for path in listing.split(b"\0") if path)
