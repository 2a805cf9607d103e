from pathlib import Path

import pytest

from bot.occupancy import Occupancy
from bot.workers.process import run_worker
from shared.errors import ConfigurationError
from shared.settings import Settings
from tests.postgres import Postgres


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
