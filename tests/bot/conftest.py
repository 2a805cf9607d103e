from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from bot.demo.forge.config import Level
from tests.bot.authority import Court, open_court


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def court(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Court]:
    """One household for all rows of a module."""
    async with open_court(tmp_path_factory.mktemp("court")) as opened:
        yield opened


@pytest_asyncio.fixture(loop_scope="module")
async def begin(court: Court) -> AsyncIterator[None]:
    """Let mallory write, count every row's comments anew, and leave nothing in flight."""
    await court.forget_hearings()
    await court.allow("mallory", Level.WRITE)
    yield
    await court.clear()
