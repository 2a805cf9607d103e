from pathlib import Path

import pytest

from shared.domain import Difficulty, Language
from shared.profiles import Approvals
from shared.repository import PATH, RepositoryConfig, read_config
from shared.repository.schema import schema
from shared.target.overrides import read_overrides, with_packages
from shared.target.tree import Tree
from shared.target.values import Overrides

WHOLE = """\
triggers:
  start_on_open: false
  labels: [help, "good first issue"]
  mention: false
setup: make generate
test: make check
lint: ruff check .
requirements: [numpy<3]
protected_paths: ["migrations/**"]
language: ko
branch_prefix: bots/baton
approvals:
  plan_labels: [security]
  plan_difficulty: high
  approvers: 2
"""


@pytest.mark.parametrize("text", ["", "\n# nothing yet\n", "triggers:\ntest:\n"])
def test_a_repository_that_says_nothing_gets_the_defaults(text: str) -> None:
    """No file, an empty one and keys without a value mean the same."""
    reading = read_config(text)
    assert reading.config == RepositoryConfig()
    assert reading.faults == ()


def test_every_key_is_read() -> None:
    """What the file says arrives."""
    reading = read_config(WHOLE)
    config = reading.config
    assert reading.faults == ()
    assert config.triggers.start_on_open is False
    assert config.triggers.labels == ("help", "good first issue")
    assert config.protected_paths == ("migrations/**",)
    assert config.language is Language.KOREAN
    assert config.branch_prefix == "bots/baton"
    assert config.approvals.plan_difficulty is Difficulty.HIGH
    assert config.approvals.approvers == 2
    assert read_overrides(Tree.of({PATH: WHOLE})) == Overrides(
        test="make check", setup="make generate", lint="ruff check .", requirements=("numpy<3",)
    )


@pytest.mark.parametrize(
    ("text", "line", "told"),
    [
        ("test: [", 1, "no YAML"),
        ("test: a\n  b: c", 2, "no YAML"),
        ("- test", 1, "must hold keys"),
        ("lint: x\ntests: make", 2, 'did you mean "test"?'),
        ("test: 3", 1, "in quotes if it looks like a number"),
        ("test: |\n  a\n  b", 1, "write one line"),
        ("test: !!python/object/apply:os.system [id]", 1, "no YAML"),
        ("triggers:\n  labels: baton", 2, "write a list"),
        ("triggers:\n  start_on_open: 'no'", 2, "write true or false"),
        ("approvals:\n  plan_difficulty: hardest", 2, "'low', 'medium' or 'high'"),
        ("approvals: {approvers: 3}", 1, "a number up to 2"),
        ("language: de", 1, "'en' or 'ko'"),
        ("branch_prefix: a..b", 1, "letters, digits"),
        ("branch_prefix: --upload-pack=x", 1, "letters, digits"),
        ("a: &a [x]\nb: [*a, *a]", 1, "line 2 has an alias"),
        ("[a]: 1", 1, "no YAML"),
        ("test: " + "x" * 70_000, 1, "longer than"),
    ],
)
def test_a_wrong_file_is_told_by_line_with_the_mend(text: str, line: int, told: str) -> None:
    """Whoever wrote the file learns where it is wrong; nothing in it is executed or unfolded."""
    fault = read_config(text).faults[0]
    assert fault.line == line
    assert told in fault.what


def test_one_slip_does_not_take_the_rest_of_the_file_away() -> None:
    """What can be read holds; for the rest stands what asks people most."""
    config = read_config("protected_paths: [db/**]\nlanguage: xx\ntriggers: {labels: 1}\n").config
    assert config.protected_paths == ("db/**",)
    assert config.triggers.start_on_open is False
    assert not config.approvals.plan


@pytest.mark.parametrize("text", ["aprovals: {plan: true}", "test: [", "approvals: {plam: true}"])
def test_what_nobody_can_read_asks_people(text: str) -> None:
    """An unknown key may have been meant to ask for more, so people are asked."""
    config = read_config(text).config
    assert config.approvals.planner
    assert config.approvals.plan


def test_a_repository_can_ask_for_more_and_not_for_less() -> None:
    """The operator's policy is the least that holds."""
    strict = Approvals(plan=True, plan_labels=("a",), approvers=2, plan_difficulty=Difficulty.LOW)
    lax = Approvals(planner=False)
    silent = read_config("approvals: {planner: false, plan: false, approvers: 1}").config.approvals
    asking = read_config(
        "approvals: {plan: true, plan_labels: [b], plan_difficulty: high, approvers: 2}"
    ).config.approvals
    assert silent.beyond(strict) == strict
    assert silent.beyond(lax) == lax
    assert asking.beyond(lax) == Approvals(
        planner=False,
        plan=True,
        plan_labels=("b",),
        plan_difficulty=Difficulty.HIGH,
        approvers=2,
    )
    both = asking.beyond(strict)
    assert (both.plan_labels, both.plan_difficulty) == (("a", "b"), Difficulty.LOW)


def test_the_published_schema_is_current() -> None:
    """Editors check against this code; else: python -m shared.repository.schema."""
    file = Path(__file__).parents[2] / "docs" / "baton.schema.json"
    assert file.read_text("utf-8") == schema()


def test_agreed_packages_come_behind_those_of_the_repository() -> None:
    """Only requirements that an index can meet: no address, option, script or words."""
    agreed = (
        *("h11>=0.14", "a @ https://e.example/a.whl", "-e .", "index https://e.example", "5 more"),
        *("(cannot be read)", "script install: sh x", "requests ^2.1", "b from {}"),
    )
    assert with_packages(Overrides(requirements=("numpy<3",)), agreed).requirements == (
        "numpy<3",
        "h11>=0.14",
    )
