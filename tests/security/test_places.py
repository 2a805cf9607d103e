"""Names of repositories stay inside the folders that Baton gives them."""

from pathlib import Path

import pytest
from pydantic import ValidationError

from bot.places import Places
from shared.domain import RepoRef


@pytest.mark.parametrize(
    "name", ["a/..", "a/.", "a/...", "../a", "a/b/../../c", "a/", "/a", "a/b\n", "a/b\0", "-a/b"]
)
def test_names_that_lead_elsewhere(name: str) -> None:
    """What is no name of a repository on GitHub is refused before it becomes a path."""
    with pytest.raises(ValidationError):
        RepoRef.parse(name)


def test_environments_are_apart() -> None:
    """Code of one repository has no say in an environment that another one uses."""
    places = Places(home=Path("/home"), cache=Path("/cache"))
    one, other = RepoRef.parse("alice/lib"), RepoRef.parse("mallory/lib")
    assert places.environments(one) != places.environments(other)
