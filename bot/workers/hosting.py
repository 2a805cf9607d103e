"""What a gateway does for its workers: it opens its mirrors to them and watches over them."""

import asyncio
import contextlib
from collections.abc import AsyncIterator

from fastapi import FastAPI
from starlette.routing import Route

from bot.places import Places
from bot.services import services
from bot.workers.builds import at_work
from bot.workers.gate import PATH, GitGate
from bot.workers.handing import hand_over_forever
from bot.workers.showing import look_forever
from shared.settings import Settings
from shared.store import Store, WorkerStore


def open_gate(app: FastAPI, settings: Settings, store: Store, places: Places) -> None:
    """Serve the mirrors to workers, if there may be any."""
    if settings.database_url is None:
        return
    gate = GitGate(store, places, WorkerStore(store.engine), at_work, settings.worker_seconds)
    app.router.routes.append(Route(PATH, gate, methods=None))


@contextlib.asynccontextmanager
async def watching() -> AsyncIterator[None]:
    """Watch over the workers while the context is open, if there may be any."""
    baton = services()
    if not baton.has_workers:
        yield
        return
    workers, bound = WorkerStore(baton.store.engine), baton.settings.worker_seconds
    tasks = [
        asyncio.create_task(hand_over_forever()),
        asyncio.create_task(look_forever(workers, baton.progress, bound)),
    ]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
