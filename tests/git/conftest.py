from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import pytest

from shared.git import Author, Mirror, Worktree
from tests.git.remote import Remote, seed

BOT = Author(name="baton[bot]", email="1+baton[bot]@users.noreply.github.com")


@dataclass(frozen=True)
class Bench:
    """A fetched mirror of a small remote, and a worktree on its first commit."""

    remote: Remote
    mirror: Mirror
    tree: Worktree
    base: str

    def write(self, name: str, text: str = "new\n") -> Path:
        """Write a file of the worktree."""
        path = self.tree.path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        return path

    async def commit(self, name: str = "new.txt", text: str = "new\n") -> str:
        """Write a file and commit it."""
        self.write(name, text)
        return await committed(self.tree, f"Add {name}")


async def committed(tree: Worktree, message: str, *, date: datetime | None = None) -> str:
    """Commit the files as they stand, and have index and files stand on the commit."""
    snapshot, head = await tree.snapshot(), await tree.head()
    sha = await tree.commit(snapshot, head, message, BOT, date=date)
    await tree.reset(sha)
    return sha


@pytest.fixture
async def remote(tmp_path: Path) -> AsyncIterator[Remote]:
    """Serve a repository with one commit."""
    seed(tmp_path / "remote", {"a.txt": "a\n", "src/b.py": "b = 1\n", ".gitignore": "*.log\n"})
    async with Remote(tmp_path / "remote").serving() as remote:
        yield remote


@pytest.fixture
async def bench(remote: Remote, tmp_path: Path) -> Bench:
    """Fetch it and check it out."""
    mirror = remote.mirror(tmp_path / "mirror.git")
    await mirror.fetch()
    base = await mirror.resolve("main")
    return Bench(remote, mirror, await mirror.add_worktree(tmp_path / "tree", base), base)
