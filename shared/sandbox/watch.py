"""Watch what resource limits cannot see: totals over a process tree and over a directory."""

import asyncio
import os
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

import psutil

from shared.sandbox.values import Limits

_PAUSE = 0.1
# Looking may take this share of the time at most, however large the workspace is.
_SHARE = 0.1
# A file costs an inode and a directory entry even when it is empty.
_ENTRY_BYTES = 4096
_BLOCK_BYTES = 512


class Usage(NamedTuple):
    """What a process tree holds at one moment; tasks are processes and threads."""

    tasks: int
    memory_bytes: int


def tree_usage(root: int) -> Usage:
    """Add up tasks and resident memory of a process and all its descendants."""
    tasks = memory = 0
    for process in family(root):
        try:
            with process.oneshot():
                tasks += process.num_threads()
                memory += process.memory_info().rss
        except psutil.Error:
            continue
    return Usage(tasks, memory)


def family(root: int) -> list[psutil.Process]:
    """List a process and its descendants; empty once it is gone."""
    try:
        parent = psutil.Process(root)
        return [parent, *parent.children(recursive=True)]
    except psutil.Error:
        return []


def disk_usage(top: Path) -> int:
    """Add up the bytes that a directory tree takes on disk, without following links."""
    total = 0
    pending = [os.fspath(top)]
    while pending:
        try:
            with os.scandir(pending.pop()) as entries:
                for entry in entries:
                    total += _entry_bytes(entry)
                    if entry.is_dir(follow_symlinks=False):
                        pending.append(entry.path)
        except OSError:  # removed meanwhile, or closed by its owner
            continue
    return total


def _entry_bytes(entry: os.DirEntry[str]) -> int:
    try:
        blocks = entry.stat(follow_symlinks=False).st_blocks
    except OSError:
        return _ENTRY_BYTES
    return max(_ENTRY_BYTES, blocks * _BLOCK_BYTES)


class DiskWatch:
    """The growth of a workspace, and of what else is writable, since the watch began.

    Files that are deleted yet still open are in no directory: for them the free space of the
    file system is kept from running out.
    """

    def __init__(self, places: Sequence[Path], limit: int) -> None:
        self._places = tuple(places)
        self._limit = limit
        self._start = self._usage()
        self._reserves = {place: min(limit, _free_bytes(place) // 2) for place in self._places}

    def is_over(self) -> bool:
        """Tell whether the workspace has grown beyond its limit or the disk is nearly full."""
        if any(_free_bytes(place) < reserve for place, reserve in self._reserves.items()):
            return True
        return self._usage() - self._start > self._limit

    def _usage(self) -> int:
        return sum(map(disk_usage, self._places))


def _free_bytes(path: Path) -> int:
    info = os.statvfs(path)
    return info.f_bavail * info.f_frsize


async def watch_tree(usage: Callable[[], Usage], limits: Limits) -> None:
    """Look again and again; return as soon as tasks or memory pass their limit."""
    while True:
        await asyncio.sleep(_PAUSE)
        used = await asyncio.to_thread(usage)
        if used.tasks > limits.processes or used.memory_bytes > limits.memory_bytes:
            return


async def watch_disk(disk: DiskWatch) -> None:
    """Look again and again, the less often the longer it takes; return once it is over."""
    pause = _PAUSE
    while True:
        await asyncio.sleep(pause)
        before = time.monotonic()
        if await asyncio.to_thread(disk.is_over):
            return
        pause = max(_PAUSE, (time.monotonic() - before) / _SHARE)
