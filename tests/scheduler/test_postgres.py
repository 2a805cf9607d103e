import asyncio
import contextlib
from collections.abc import AsyncIterator
from pathlib import Path

from sqlalchemy.ext.asyncio import create_async_engine

from shared.scheduler import Policy, Priority
from shared.store import Store
from shared.store.schema import migrate
from tests.ollama_double.clock import VirtualClock
from tests.postgres import Postgres
from tests.scheduler.house import CODER, PLANNER, SMALL, House, house

POLICY = Policy(patience_seconds=200)


@contextlib.asynccontextmanager
async def process(home: House, url: str) -> AsyncIterator[House]:
    """Open the shared database as another process does, and see the same node."""
    store = Store(create_async_engine(url))
    other = House(home.clock, home.node, store, home.profile, home.controls, held=home.held)
    other.faults, other.order = home.faults, home.order
    try:
        yield other
    finally:
        await store.close()


def test_processes_share_a_node_through_postgres(postgres: Postgres, tmp_path: Path) -> None:
    """Two processes on one PostgreSQL never switch at once nor unload what the other uses.

    A lease of one whose heart has stopped goes to the other after its time, not before.
    """
    clock = VirtualClock()
    url = postgres.create().replace("postgresql://", "postgresql+psycopg://")
    migrate(url)

    async def run() -> None:
        async with (
            house(clock, tmp_path) as home,
            process(home, url) as one,
            process(home, url) as two,
            one.running("gateway", POLICY) as gateway,
            contextlib.AsyncExitStack() as left_open,
        ):
            async with two.running("worker", POLICY) as worker:
                await asyncio.gather(
                    *(
                        home.work(scheduler, model, f"{name} {model.name}", 30)
                        for model in (CODER, PLANNER, SMALL)
                        for name, scheduler in (("a", gateway), ("b", worker))
                    )
                )
                assert home.node.switches <= 2
                left_open.push_async_callback(worker.aclose)
                lease = worker.lease(CODER, job="stopped", role="coder")
                await left_open.enter_async_context(lease)
            waited = await home.work(gateway, PLANNER, "next", 30, Priority.INTERACTIVE)
            assert waited >= POLICY.expiry_seconds
            assert len(home.order) == 7
        assert home.faults == []

    clock.run(run())
