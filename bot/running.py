"""Run a command of the command line until it ends or is told to end."""

import asyncio
import gc
import signal
from collections.abc import Coroutine
from typing import Any

import typer


def keep_modules() -> None:
    """Take what has been loaded so far out of the garbage collector's walks; it stays anyway.

    A walk through all modules stops every thread for some 70 ms, and each delivery with them.
    """
    gc.collect()
    gc.freeze()


def run_command(work: Coroutine[Any, Any, int]) -> None:
    """Run a command's work and leave with the exit code that it returns, 130 when interrupted.

    Raises typer.Exit.
    """
    keep_modules()
    try:
        code = asyncio.run(_until_told(work))
    except (KeyboardInterrupt, asyncio.CancelledError):
        code = 130
    raise typer.Exit(code)


async def _until_told(work: Coroutine[Any, Any, int]) -> int:
    """End on SIGTERM as on Ctrl-C, with everything that was started."""
    task = asyncio.ensure_future(work)
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
    return await task
