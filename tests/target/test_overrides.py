import re

import pytest

from shared.errors import TargetError
from shared.target.overrides import PATH, read_overrides
from shared.target.tree import Tree
from shared.target.values import Overrides


def test_a_repository_without_the_file_overrides_nothing() -> None:
    """No file and an empty file mean the same."""
    assert read_overrides(Tree.of({})) == read_overrides(Tree.of({PATH: ""})) == Overrides()


def test_command_and_requirements_are_read() -> None:
    """The test command and further requirements come from the file."""
    told = read_overrides(Tree.of({PATH: "test: make check\nrequirements:\n  - numpy<3\n"}))
    assert told == Overrides(test="make check", requirements=("numpy<3",))


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("test: [", "line 1"),
        ("test: a\n  b: c", "line 2"),
        ("- test", "must hold keys"),
        ("tests: make", "key `tests`"),
        ("test: 3", "key `test`"),
        ("test: !!python/object/apply:os.system [id]", "line 1"),
    ],
)
def test_a_wrong_file_is_told_by_line_or_key(text: str, told: str) -> None:
    """Whoever wrote the file learns where it is wrong; nothing in it is executed."""
    with pytest.raises(TargetError, match=re.escape(told)):
        read_overrides(Tree.of({PATH: text}))
