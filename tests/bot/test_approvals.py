from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.approvals import digest, plan_is_due
from bot.task import Basis, Task, Way
from shared.domain import (
    Blueprint,
    Difficulty,
    Issue,
    IssueType,
    RepoRef,
    Scenario,
    Triage,
)
from shared.profiles import Approvals

_TERMS = st.dictionaries(st.text(max_size=8), st.text(max_size=8) | st.integers() | st.floats(0, 1))


@given(_TERMS, st.randoms(use_true_random=False))
def test_the_order_of_terms_does_not_matter(terms: dict[str, Any], random: Any) -> None:  # noqa: ANN401  hypothesis hands out Random without a stub
    """The same terms have the same digest, however they were put together."""
    names = list(terms)
    random.shuffle(names)
    assert digest({name: terms[name] for name in names}) == digest(terms)


@given(_TERMS, _TERMS)
def test_other_terms_have_another_digest(left: dict[str, Any], right: dict[str, Any]) -> None:
    """No two sets of terms share a digest, unless they are written alike."""
    assert (digest(left) == digest(right)) == (as_written(left) == as_written(right))


def as_written(terms: dict[str, Any]) -> set[tuple[str, str]]:
    """Return terms as a person would see them."""
    return {(name, repr(value)) for name, value in terms.items()}


def task(**facts: Any) -> Task:  # noqa: ANN401  fields differ
    """Return the state of a run that has a plan for one file."""
    issue = Issue(
        repo=RepoRef(owner="o", name="r"), number=1, title="t", body="b", author="a", labels=("db",)
    )
    triage = Triage(
        type=IssueType.BUG, difficulty=Difficulty.MEDIUM, confidence=1, self_reflection=False
    )
    blueprint = Blueprint(
        summary="s",
        action_items=("a",),
        scenarios=(Scenario(name="n", given="g", when="w", then="t"),),
        files=("src/db/schema.py",),
    )
    basis = Basis(issue=issue, base_branch="main", base_sha="0" * 40)
    return Task(basis=basis, triage=triage, blueprint=blueprint).with_(**facts)


@pytest.mark.parametrize(
    ("policy", "due"),
    [
        ({}, False),
        ({"plan": True}, True),
        ({"plan_labels": ("db",)}, True),
        ({"plan_labels": ("ui", "security")}, False),
        ({"plan_paths": ("src/db/*",)}, True),
        ({"plan_paths": ("*.py",)}, True),
        ({"plan_paths": ("src/DB/*", "docs/*")}, False),
        ({"plan_difficulty": "low"}, True),
        ({"plan_difficulty": "medium"}, True),
        ({"plan_difficulty": "high"}, False),
    ],
)
def test_a_plan_wants_a_yes_by_label_path_or_difficulty(
    policy: dict[str, Any],
    due: bool,  # noqa: FBT001  a value of the table
) -> None:
    """Each of the profile's conditions asks for a yes by itself; none asks when none is met."""
    assert plan_is_due(Approvals.model_validate(policy), task()) is due


@pytest.mark.parametrize(
    ("way", "blueprint", "needed"),
    [
        (Way.OPEN, None, True),
        (Way.PLAN, None, True),
        (Way.BUILD, None, False),
        (Way.PLAN, task().blueprint, False),
    ],
)
def test_a_person_says_whether_a_plan_comes_first(
    way: Way,
    blueprint: Blueprint | None,
    needed: bool,  # noqa: FBT001  a value of the table
) -> None:
    """What a person chose goes before what the difficulty says; a plan is made once."""
    assert task(way=way, blueprint=blueprint).needs_plan is needed
