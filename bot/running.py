"""Run a command of the command line until it ends or is told to end."""

import asyncio
import signal
from collections.abc import Coroutine
from typing import Any

import typer


def run_command(work: Coroutine[Any, Any, int]) -> None:
    """Run a command's work and leave with the exit code that it returns, 130 when interrupted.

    Raises typer.Exit.
    """
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
