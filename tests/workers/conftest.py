from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from shared.store import Store
from tests.workers.house import Door, open_door


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    """A database in a new file."""
    opened = Store.open(tmp_path / "baton.db")
    yield opened
    await opened.close()


@pytest.fixture
async def door(tmp_path: Path, store: Store) -> AsyncIterator[Door]:
    """The gateway's door for workers."""
    async with open_door(tmp_path, store) as opened:
        yield opened
