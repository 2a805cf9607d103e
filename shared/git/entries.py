"""What a change does to a repository, entry by entry, with modes and contents."""

import os
import re
from pathlib import Path

from shared.git.command import Git
from shared.git.shas import checked
from shared.guard.change import SUBMODULE, Blob, Entry

_LARGEST = 1_000_000  # bytes of a blob that is read; of larger ones only the size counts
_NONE = "000000"
_RAW = re.compile(rb":(\d{6}) (\d{6}) (\w+) (\w+) [A-Z]\d*\0([^\0]+)\0")
_SIZE = re.compile(rb"(\w+) blob (\d+)\n")


async def changed_entries(git_dir: Path, base: str, head: str) -> tuple[Entry, ...]:
    """Return what differs between two commits; a rename is two entries.

    ``git_dir`` is a mirror's or a worktree's git directory. Raises GitError.
    """
    git = Git(git_dir)
    fixed = ("--raw", "-z", "-r", "--no-renames", "--no-abbrev", "--full-index")
    raw = await git.run("diff-tree", *fixed, checked(base), checked(head))
    found = _RAW.findall(raw)
    wanted = {
        name.decode()
        for old, new, before, after, _ in found
        for mode, name in ((old, before), (new, after))
        if mode.decode() not in {_NONE, SUBMODULE}
    }
    sizes = await _sizes(git, wanted)
    data = await _contents(git, [name for name in sorted(sizes) if sizes[name] <= _LARGEST])

    def blob(mode: bytes, name: bytes) -> Blob | None:
        if mode.decode() == _NONE:
            return None
        sha = name.decode()
        return Blob(mode=mode.decode(), size=sizes.get(sha, 0), data=data.get(sha))

    return tuple(
        Entry(path=os.fsdecode(path), before=blob(old, before), after=blob(new, after))
        for old, new, before, after, path in found
    )


async def _sizes(git: Git, names: set[str]) -> dict[str, int]:
    asked = "".join(f"{name}\n" for name in sorted(names)).encode()
    told = await git.run("cat-file", "--batch-check", stdin=asked)
    return {name.decode(): int(size) for name, size in _SIZE.findall(told)}


async def _contents(git: Git, names: list[str]) -> dict[str, bytes]:
    out = await git.run("cat-file", "--batch", stdin="".join(f"{n}\n" for n in names).encode())
    found, at = dict[str, bytes](), 0
    while header := _SIZE.match(out, at):
        end = header.end() + int(header[2])
        found[header[1].decode()] = out[header.end() : end]
        at = end + 1
    return found
