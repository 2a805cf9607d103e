from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bot import engine
from bot.durable import step
from shared.errors import StoreUnavailable
from shared.store import WorkerStore
from shared.store.address import open_engine, postgres_url


@pytest.fixture
async def running(tmp_path: Path) -> AsyncIterator[None]:
    """An engine of the test's own."""
    await engine.launch(tmp_path / "engine.db")
    yield
    await engine.stop()


async def test_a_database_out_of_reach_passes_by_itself(running: None) -> None:
    """It is an error that is tried again and then told, without the password in the address."""
    database = open_engine(postgres_url("postgresql://baton:hush-hush@127.0.0.1:1/baton"))
    workers = WorkerStore(database)
    with pytest.raises(StoreUnavailable, match="does not answer") as caught:
        await step("look at the clock", float, workers.now, tries=1)
    assert "hush-hush" not in str(caught.value)
    await database.dispose()
