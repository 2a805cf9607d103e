from pathlib import Path

import pytest

from shared import profiles
from shared.domain import Role
from shared.errors import ConfigurationError

GOOD = """
name = "one"
[[nodes]]
name = "mac"
url = "http://127.0.0.1:11434"
memory_gb = 20
[[models]]
name = "small:1b"
node = "mac"
size_gb = 1
num_ctx = 8192
[roles]
router = "small:1b"
planner = "small:1b"
coder = "small:1b"
reviewer = "small:1b"
tester = "small:1b"
documenter = "small:1b"
"""


@pytest.mark.parametrize("name", profiles.built_in())
def test_the_built_in_profiles_are_complete(name: str) -> None:
    """Each profile that comes with Baton has a model for every role, on a node that exists."""
    profile = profiles.load(name)
    assert profile.name == name
    for role in Role:
        assert profile.node(profile.model(role).node).url.startswith("http")


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ('url = "http://127.0.0.1:11434"', 'url = "mac.local"', "nodes.0.url"),
        ("num_ctx = 8192", "num_ctx = 0", "models.0.num_ctx"),
        ("num_ctx = 8192", "num_ctx = 8192\nnum_contexts = 1", "models.0.num_contexts"),
        ('node = "mac"', 'node = "mini"', '"mini", which is not in [[nodes]]'),
        ('coder = "small:1b"', "", 'add coder = "<model name>"'),
        ('coder = "small:1b"', 'coder = "big:70b"', '"big:70b", which is not in [[models]]'),
        ('name = "one"', 'name = "one', "not valid TOML"),
    ],
)
def test_a_wrong_profile_is_told_by_file_key_and_mend(
    tmp_path: Path, old: str, new: str, told: str
) -> None:
    """The error names the file, the key, and what to write instead."""
    file = tmp_path / "mine.toml"
    file.write_text(GOOD.replace(old, new, 1), encoding="utf-8")
    with pytest.raises(ConfigurationError) as caught:
        profiles.load(str(file))
    assert str(file) in str(caught.value)
    assert told in str(caught.value)


def test_a_profile_that_is_not_there_lists_those_that_are() -> None:
    """A mistyped name is answered with the names that exist."""
    with pytest.raises(ConfigurationError, match="distributed, embedded, single-64gb"):
        profiles.load("distribute")


def test_one_model_can_play_every_role() -> None:
    """`--model` puts one model on one node into all roles."""
    profile = profiles.load("single-64gb").at("http://127.0.0.1:1", model="small:1b")
    assert {profile.model(role).name for role in Role} == {"small:1b"}
    assert {node.url for node in profile.nodes} == {"http://127.0.0.1:1"}
