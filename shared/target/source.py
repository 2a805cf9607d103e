"""What an environment is built from."""

from pathlib import Path
from typing import NamedTuple

from shared.target.config import Pyproject
from shared.target.tree import Tree
from shared.target.values import Overrides


class Source(NamedTuple):
    """A checkout, what was read of it, and what its owner says about its tests."""

    checkout: Path
    tree: Tree
    pyproject: Pyproject
    overrides: Overrides
