"""A build that leaves traps behind for the host's git."""

import os
from pathlib import Path

from shared.target.generated import keep
from shared.target.tree import Tree
from tests.target.kit import lay


def test_ignore_file_that_is_a_pipe(tmp_path: Path) -> None:
    """A pipe in place of an ignore file does not keep the host waiting for ever."""
    source = lay(tmp_path / "source", {"src/a.py": ""})
    tree = Tree.at(source)
    os.mkfifo(source / ".gitignore")
    os.mkfifo(source / "src" / ".gitignore")
    built = lay(tmp_path / "built", {"b.py": ""})
    keep(built, source, tree, ("src",), tmp_path / "kept")
    assert not (tmp_path / "kept").exists()
