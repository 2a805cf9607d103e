from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.road.world import World, open_world, plan_for


@pytest.fixture(scope="session")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One folder for the environments of target repositories, built once for all tests."""
    return tmp_path_factory.mktemp("cache")


@pytest.fixture
async def world(tmp_path: Path, cache: Path) -> AsyncIterator[World]:
    """A household with the demo's repository and recording."""
    async with open_world(plan_for(tmp_path, cache)) as opened:
        yield opened
