"""Take out of a worktree what host-side git must never meet."""

import os
import shutil
import stat
import unicodedata
from collections.abc import Iterator
from pathlib import Path


def tidy(worktree: Path) -> tuple[str, ...]:
    """Remove planted repositories and special files, and open closed directories.

    A ``.git`` below the top makes git start another git on its configuration, which can run
    programs; opening a pipe or a device can block or harm. Git tracks none of them. Returns
    the removed paths, relative to the worktree.
    """
    removed = []
    for entry in _walk(worktree):
        if _is_git(entry.name) and Path(entry.path).parent != worktree:
            _remove(entry)
        elif _is_special(entry):
            Path(entry.path).unlink()
        else:
            continue
        removed.append(os.path.relpath(entry.path, worktree))
    return tuple(sorted(removed))


def remove_tree(top: Path) -> None:
    """Delete a directory tree, closed directories included; nothing when it is missing."""
    if not top.is_dir():
        return
    for _ in _walk(top):
        pass
    shutil.rmtree(top)


def _walk(top: Path) -> Iterator[os.DirEntry[str]]:
    """Visit every entry, never following a link; an entry that was removed is not entered."""
    pending = [os.fspath(top)]
    while pending:
        directory = pending.pop()
        _open_up(directory)
        with os.scandir(directory) as found:
            entries = list(found)
        for entry in entries:
            yield entry
            if _is_directory(entry.path):
                pending.append(entry.path)


def _open_up(directory: str) -> None:
    mode = stat.S_IMODE(os.lstat(directory).st_mode)
    if mode & stat.S_IRWXU != stat.S_IRWXU:
        Path(directory).chmod(mode | stat.S_IRWXU)


def _is_directory(path: str) -> bool:
    try:
        return stat.S_ISDIR(os.lstat(path).st_mode)
    except FileNotFoundError:
        return False


def _is_git(name: str) -> bool:
    """Tell whether some file system takes a name for ``.git``."""
    visible = "".join(c for c in name if unicodedata.category(c) != "Cf")
    return visible.casefold() in {".git", "git~1"}


def _is_special(entry: os.DirEntry[str]) -> bool:
    mode = entry.stat(follow_symlinks=False).st_mode
    return not (stat.S_ISREG(mode) or stat.S_ISDIR(mode) or stat.S_ISLNK(mode))


def _remove(entry: os.DirEntry[str]) -> None:
    if entry.is_dir(follow_symlinks=False):
        remove_tree(Path(entry.path))
    else:
        Path(entry.path).unlink()
