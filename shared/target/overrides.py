"""What a repository says about its tests in ``.github/baton.yml``."""

from collections.abc import Iterable, Sequence

from packaging.requirements import InvalidRequirement, Requirement

from shared.repository import PATH, read_config
from shared.target.tree import Tree
from shared.target.values import Overrides


def read_overrides(tree: Tree) -> Overrides:
    """Read the file; what is missing in it, or cannot be read, is left to detection."""
    config = read_config(tree.read(PATH)).config
    return Overrides(
        test=config.test, setup=config.setup, lint=config.lint, requirements=config.requirements
    )


def with_packages(overrides: Overrides, packages: Sequence[str]) -> Overrides:
    """Ask for further packages: those that are requirements which an index can meet."""
    added = (*overrides.requirements, *installable(packages))
    return overrides.model_copy(update={"requirements": added})


def installable(packages: Iterable[str]) -> tuple[str, ...]:
    """Return those packages that are requirements which an index can meet."""
    return tuple(line for line in packages if _is_installable(line))


def _is_installable(line: str) -> bool:
    try:
        return not Requirement(line).url
    except InvalidRequirement:
        return False
