"""What a repository says about its tests in ``.github/baton.yml``."""

from shared.repository import PATH, read_config
from shared.target.tree import Tree
from shared.target.values import Overrides


def read_overrides(tree: Tree) -> Overrides:
    """Read the file; what is missing in it, or cannot be read, is left to detection."""
    config = read_config(tree.read(PATH)).config
    return Overrides(
        test=config.test, setup=config.setup, lint=config.lint, requirements=config.requirements
    )
