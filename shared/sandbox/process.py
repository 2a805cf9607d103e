"""Run one process tree to its end: whatever happens, nothing of it is left."""

import asyncio
import contextlib
import os
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from pathlib import Path
from typing import Protocol

from shared.sandbox.output import Output, collect
from shared.sandbox.values import Ended, Finished, Limits
from shared.sandbox.watch import DiskWatch, Usage, watch_disk, watch_tree

_SIGNALLED = 128
_DRAIN_SECONDS = 5.0


class Tree(Protocol):
    """A started process and everything that it starts."""

    process: asyncio.subprocess.Process

    def usage(self) -> Usage:
        """Measure what the tree holds now."""
        ...

    def kill(self) -> None:
        """Send the end to every member, at once and without waiting; safe to repeat."""
        ...

    async def gone(self) -> None:
        """Wait until no member is left, after ``kill``."""
        ...


# Starts a tree that writes its standard output and error to a descriptor.
Start = Callable[[int], Awaitable[Tree]]


async def run_to_end(start: Start, limits: Limits, *writable: Path) -> Finished:
    """Start a tree, watch it, and end it at the first limit or when the caller is cancelled.

    The work is done in a task of its own, which a cancelled caller tells to stop and then
    waits for; a second cancellation cannot leave a half-ended tree behind.
    """
    stop = asyncio.Event()
    work = asyncio.ensure_future(_supervise(start, limits, writable, stop))
    try:
        return await asyncio.shield(work)
    except asyncio.CancelledError:
        stop.set()
        await _settled(work)
        raise


async def _settled(work: "asyncio.Future[Finished]") -> None:
    while not work.done():
        try:
            await asyncio.wait({work})
        except asyncio.CancelledError:
            continue
    if not work.cancelled():
        work.exception()  # marks it as seen: the cancellation is what the caller hears of


async def _supervise(
    start: Start, limits: Limits, writable: tuple[Path, ...], stop: asyncio.Event
) -> Finished:
    disk = await asyncio.to_thread(DiskWatch, writable, limits.disk_bytes)
    output = Output(limits.output_bytes)
    flood = asyncio.Event()
    began = time.monotonic()
    async with _reading(output, flood) as write_end:
        tree = await start(write_end)
        try:
            ways_to_end: dict[Awaitable[object], Ended] = {
                tree.process.wait(): Ended.EXITED,
                flood.wait(): Ended.OUTPUT_LIMIT,
                watch_disk(disk): Ended.DISK_LIMIT,
                watch_tree(tree.usage, limits): Ended.KILLED,
                stop.wait(): Ended.KILLED,
            }
            ended = await _first(ways_to_end, limits.seconds) or Ended.TIMED_OUT
        finally:
            tree.kill()
        await tree.gone()
        code = await tree.process.wait()
    if ended is Ended.EXITED and await asyncio.to_thread(disk.is_over):
        ended = Ended.DISK_LIMIT
    return Finished(
        exit_code=code if code >= 0 else _SIGNALLED - code,
        output=output.text(),
        ended=ended,
        seconds=time.monotonic() - began,
    )


@contextlib.asynccontextmanager
async def _reading(output: Output, flood: asyncio.Event) -> AsyncIterator[int]:
    """Read in the background what is written to the descriptor that is yielded.

    A pipe of our own: with asyncio's, ``Process.wait`` waits for its end as well, and a
    daemon of the command could hold that off.
    """
    read_end, write_end = os.pipe()
    stream = asyncio.StreamReader()
    transport, _ = await asyncio.get_running_loop().connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(stream), os.fdopen(read_end, "rb", buffering=0)
    )
    reader = asyncio.ensure_future(collect(stream, output, flood))
    try:
        try:
            yield write_end
        finally:
            os.close(write_end)
        # Nobody is left who could write: what remains is in the pipe, and the end follows it.
        await asyncio.wait({reader}, timeout=_DRAIN_SECONDS)
    finally:
        reader.cancel()
        transport.close()


async def _first(ways: Mapping[Awaitable[object], Ended], seconds: float) -> Ended | None:
    """Return what the first of several awaitables stands for; None when the time is up."""
    tasks = {asyncio.ensure_future(way): ended for way, ended in ways.items()}
    try:
        done, _ = await asyncio.wait(tasks, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            task.result()
    finally:
        for task in tasks:
            task.cancel()
    return next((ended for task, ended in tasks.items() if task in done), None)
