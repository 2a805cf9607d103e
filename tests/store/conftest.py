from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from shared.store import Store
from shared.store.address import postgres_url, sqlite_url
from tests.postgres import Postgres


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The address of an empty database, of each kind that Baton runs on."""
    if request.param == "sqlite":
        return sqlite_url(tmp_path / "baton.db")
    server: Postgres = request.getfixturevalue("postgres")
    return postgres_url(server.create())


@pytest.fixture
async def store(url: str) -> AsyncIterator[Store]:
    """A new database."""
    opened = Store.at(url)
    yield opened
    await opened.close()
