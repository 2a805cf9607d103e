import asyncio
import signal
from pathlib import Path

import pytest

from bot import engine
from bot.occupancy import Occupancy
from bot.workers.process import run_worker
from shared.errors import ConfigurationError
from shared.settings import Settings
from shared.store import Store, WorkerStore
from shared.store.address import postgres_url
from tests.postgres import Postgres
from tests.workers.cable import Cable
from tests.workers.household import WorkerProcess


async def told(home: Path, database: str) -> str:
    """Start a worker and return what it is told."""
    settings = Settings(
        home=home, cache=home, database_url=database, gateway_url="http://127.0.0.1:1"
    )
    with pytest.raises(ConfigurationError) as caught:
        await run_worker(settings, "macmini")
    return str(caught.value)


async def test_a_worker_does_not_make_the_tables(tmp_path: Path, postgres: Postgres) -> None:
    """On a database without a gateway's tables it says what to start first."""
    said = await told(tmp_path, postgres.create())
    assert "version none" in said
    assert "baton serve" in said


async def test_a_database_that_lets_nobody_in_is_told(tmp_path: Path, postgres: Postgres) -> None:
    """A wrong password, a missing database, nobody there: told without the password."""
    good = postgres.url("postgres")
    for address, reason in (
        (good.replace(postgres.password, "hush-hush"), "authentication failed"),
        (postgres.url("nowhere"), "does not exist"),
        (good.replace(f":{postgres.port}/", ":1/"), "refused"),
    ):
        said = await told(tmp_path, address)
        assert "BATON_DATABASE_URL" in said
        assert reason in said
        assert "hush-hush" not in said
        assert postgres.password not in said


async def test_a_worker_beside_the_gateway_needs_a_folder_of_its_own(
    tmp_path: Path, postgres: Postgres
) -> None:
    """On the gateway's own state directory a worker is told to choose another one."""
    gateway = Occupancy.of(tmp_path)
    assert "set BATON_HOME to another folder" in await told(tmp_path, postgres.create())
    gateway.release()


async def test_a_worker_that_is_stopped_says_goodbye(tmp_path: Path, postgres: Postgres) -> None:
    """SIGTERM ends it in good order, and the gateway does not have to wait for its silence."""
    address = postgres.create()
    url = postgres_url(address)
    store = Store.at(url)
    await engine.launch(url, nodes=["macmini"])
    lines = {
        "BATON_HOME": tmp_path / "home",
        "BATON_CACHE": tmp_path / "cache",
        "BATON_DATABASE_URL": address,
        "BATON_GATEWAY_URL": "http://127.0.0.1:1",
        "BATON_ALLOW_ROOT_SANDBOX": "true",
    }
    (tmp_path / "worker.env").write_text("".join(f"{k}={v}\n" for k, v in lines.items()))
    worker = WorkerProcess(
        "worker", Cable("127.0.0.1"), tmp_path / "worker.env", tmp_path / "log", node="macmini"
    )
    await worker.start()
    try:
        async with asyncio.timeout(120):
            while not worker.id:
                assert worker.process
                assert worker.process.returncode is None, worker.said()
                await asyncio.sleep(0.1)
        workers = WorkerStore(store.engine)
        assert [one.id for one in await workers.living(600)] == [worker.id]
        await worker.end(signal.SIGTERM)
        assert await workers.living(600) == []
        assert "Traceback" not in worker.said()
    finally:
        await worker.end(signal.SIGKILL)
        await engine.stop()
        await store.close()
