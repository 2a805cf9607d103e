from pathlib import Path

import pytest

from shared.sandbox import Sandbox, open_sandbox


@pytest.fixture(scope="session")
def sandbox() -> Sandbox:
    """Give this machine's real sandbox."""
    return open_sandbox(allow_root=True)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Give a small worktree with a file outside of it that nothing may reach."""
    (tmp_path / "outside.txt").write_text("secret\n")
    root = tmp_path / "tree"
    (root / "src").mkdir(parents=True)
    (root / "src" / "a.py").write_text("def f():\n    return 1\n")
    (root / ".git").write_text("gitdir: elsewhere\n")
    return root
