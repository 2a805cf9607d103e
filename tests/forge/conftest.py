from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.forge.honesty import Honesty, honesty
from tests.forge.world import World, open_world

__all__ = ["honesty"]


@pytest.fixture
async def world(tmp_path: Path, honesty: Honesty) -> AsyncIterator[World]:
    """Start a forge with alice's repository, the App and a receiver for webhooks."""
    async with open_world(tmp_path, honesty) as opened:
        yield opened
