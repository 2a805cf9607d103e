"""The repository in which bad models are let loose, set up once."""

import asyncio

import pytest

from shared.sandbox import open_sandbox
from tests.agents.hostile_world import World


@pytest.fixture(scope="session")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    """Set the repository up once for all cases."""
    sandbox = open_sandbox(allow_root=True)
    return asyncio.run(World.make(tmp_path_factory.mktemp("world"), sandbox))
