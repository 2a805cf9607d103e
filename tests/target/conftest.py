"""Real sandboxes and a real cache of environments, shared by the tests of targets."""

from pathlib import Path

import pytest

from shared.sandbox import Sandbox, open_sandbox


@pytest.fixture(scope="session")
def sandbox() -> Sandbox:
    """Open this machine's sandbox; in CI the tests run as root."""
    return open_sandbox(allow_root=True)


@pytest.fixture(scope="session")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Keep environments for the whole session."""
    return tmp_path_factory.mktemp("environments")
