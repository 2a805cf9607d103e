import os
import subprocess
import sys
from pathlib import Path

import pytest

from shared.errors import SandboxUnavailable
from shared.sandbox import Sandbox, open_sandbox
from tests.sandbox.box import Box


@pytest.fixture(scope="session")
def sandbox() -> Sandbox:
    """Open this machine's sandbox; where none can exist, say why and skip."""
    if sys.platform != "linux":
        pytest.skip("these probes are written for the sandbox of Linux")
    try:
        return open_sandbox(allow_root=True)
    except SandboxUnavailable as error:
        if "CI" in os.environ or namespaces_are_allowed():
            raise
        pytest.skip(str(error))


def namespaces_are_allowed() -> bool:
    """Tell whether the kernel gives out namespaces at all: then the sandbox has to work."""
    command = ["unshare", "--user", "--map-root-user", "--pid", "--fork", "--mount-proc", "true"]
    return subprocess.run(command, check=False, capture_output=True).returncode == 0


@pytest.fixture
def box(sandbox: Sandbox, tmp_path: Path) -> Box:
    """Give a sandbox with an empty workspace."""
    workspace = tmp_path / "workspace"
    workspace.mkdir()
    return Box(sandbox, workspace)
