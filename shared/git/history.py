"""What a commit holds by blob, and what the commits before it changed."""

import asyncio
import os
import re
from collections.abc import Collection
from pathlib import Path

from shared.errors import GitError
from shared.git.command import Git
from shared.git.shas import checked
from shared.sources import Change

RULE = 1
"""Raise it when the same commit would get other files or other commits before it."""
_LARGEST = 400_000  # bytes of a blob that is worth reading
_MOST_CHANGES = 1_000
_ENTRY = re.compile(r"(?:^|(?<=\0))100\d{3} blob (\w+)\t([^\0]*)")
_HEADER = re.compile(rb"(\w+) (\w+)(?: (\d+))?\n")


class History:
    """A repository as of one commit, read from its objects; no worktree is needed.

    ``git_dir`` is a mirror's or a worktree's git directory.
    """

    def __init__(self, git_dir: Path) -> None:
        self._git = Git(git_dir)

    async def blobs(self, sha: str) -> dict[str, str]:
        """Return the plain files of a commit by path, each with its blob id.

        Links and submodules are left out. Raises GitError.
        """
        # Without sizes, for which git would look up every object.
        listing = await self._git.run("ls-tree", "-r", "-z", checked(sha))
        return {path: blob for blob, path in _ENTRY.findall(os.fsdecode(listing))}

    async def too_large(self, blobs: Collection[str]) -> frozenset[str]:
        """Return the blobs above 400 kB, which are not worth reading. Raises GitError."""
        names = "".join(f"{checked(blob)}\n" for blob in blobs)
        asked = ("cat-file", "--batch-check=%(objectname) %(objectsize)")
        lines = (await self._git.run(*asked, stdin=names.encode())).decode().splitlines()
        sizes = (line.split() for line in lines)
        return frozenset(name for name, size in sizes if size.isdigit() and int(size) > _LARGEST)

    async def texts(self, blobs: Collection[str]) -> dict[str, str]:
        """Return the texts of blobs; one that is no UTF-8 text comes out empty.

        Raises GitError.
        """
        names = "".join(f"{checked(blob)}\n" for blob in blobs)
        out = await self._git.run("cat-file", "--batch", stdin=names.encode())
        return await asyncio.to_thread(_texts, out)

    async def commits(self, sha: str) -> tuple[str, ...]:
        """Return the last thousand commits up to one, itself the first; merges are left out."""
        count = f"--max-count={_MOST_CHANGES}"
        out = await self._git.run("rev-list", "--no-merges", count, checked(sha))
        return tuple(out.decode().split())

    async def changes(self, commits: Collection[str]) -> dict[str, Change]:
        """Return what each commit is called and which files it touched.

        Raises GitError.
        """
        names = "".join(f"{checked(commit)}\n" for commit in commits)
        fixed = ("--no-color", "--no-ext-diff", "--no-textconv", "--no-renames")
        out = await self._git.run(
            *("diff-tree", "--stdin", "--root", "-r", "-z", "--name-only", *fixed),
            "--format=%x01%H%x02%s%x02",
            stdin=names.encode(),
        )
        return dict(map(_change, out.split(b"\x01")[1:]))


def _texts(out: bytes) -> dict[str, str]:
    found, at = dict[str, str](), 0
    while header := _HEADER.match(out, at):
        if header[2] != b"blob":
            raise GitError(f"{header[1].decode()} is no blob of this repository: fetch it first.")
        end = header.end() + int(header[3])
        found[header[1].decode()] = _text(out[header.end() : end])
        at = end + 1
    return found


def _text(data: bytes) -> str:
    try:
        return "" if b"\0" in data else data.decode()
    except UnicodeDecodeError:
        return ""


def _change(record: bytes) -> tuple[str, Change]:
    name, subject, files = record.split(b"\x02", 2)
    paths = tuple(os.fsdecode(path.strip(b"\n")) for path in files.split(b"\0"))
    return name.decode(), Change(subject.decode(errors="replace"), tuple(p for p in paths if p))
