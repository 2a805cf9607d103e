"""A worker's sign of life: registered in the shared database, renewed every few seconds."""

import asyncio
import contextlib
import logging
import os
import secrets
import socket
from collections.abc import AsyncIterator
from pathlib import Path

from sqlalchemy.exc import DBAPIError

from shared.store import WorkerStore

BEATS = 9
"""Signs of life within the time after which a silent worker counts as gone."""

log = logging.getLogger(__name__)


def new_name(node: str) -> str:
    """Name a worker process; no two have the same, on whatever machine."""
    return f"{node}@{socket.gethostname()}.{secrets.token_hex(4)}"


@contextlib.asynccontextmanager
async def present(
    workers: WorkerStore, name: str, node: str, home: Path, bound: float
) -> AsyncIterator[None]:
    """Be known as living while the context is open."""
    await workers.enter(name, node, socket.gethostname(), os.getpid(), str(home))
    beating = asyncio.create_task(_beat_forever(workers, name, node, home, bound / BEATS))
    try:
        yield
    finally:
        beating.cancel()
        await asyncio.gather(beating, return_exceptions=True)
        with contextlib.suppress(DBAPIError):
            await workers.leave(name)


async def _beat_forever(
    workers: WorkerStore, name: str, node: str, home: Path, pause: float
) -> None:
    while True:
        await asyncio.sleep(pause)
        try:
            if not await workers.beat(name):
                await workers.enter(name, node, socket.gethostname(), os.getpid(), str(home))
        except (DBAPIError, OSError) as error:
            reason = getattr(error, "orig", error)
            log.warning("The database does not answer (%s). Trying again.", type(reason).__name__)
