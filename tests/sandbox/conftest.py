import os
import sys
from pathlib import Path

import pytest

from shared.errors import SandboxUnavailable
from shared.sandbox import Sandbox, open_sandbox
from tests.sandbox.box import Box


@pytest.fixture(scope="session")
def sandbox() -> Sandbox:
    """Open this machine's sandbox; where none can exist, say why and skip, but not in CI."""
    if sys.platform != "linux":
        pytest.skip("these probes are written for the sandbox of Linux")
    try:
        return open_sandbox(allow_root=True)
    except SandboxUnavailable as error:
        if os.environ.get("CI"):
            raise
        pytest.skip(str(error))


@pytest.fixture
def box(sandbox: Sandbox, tmp_path: Path) -> Box:
    """Give a sandbox with an empty workspace."""
    workspace = tmp_path / "workspace"
    workspace.mkdir()
    return Box(sandbox, workspace)
