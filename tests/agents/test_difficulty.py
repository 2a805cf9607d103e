import pytest

from agents import difficulty
from agents.difficulty import Assessment, Grounds, Helper
from shared.domain import Blueprint, Difficulty, IssueType, Scenario, SubTask, Triage

LOW, MEDIUM, HIGH = Difficulty.LOW, Difficulty.MEDIUM, Difficulty.HIGH
CASE = Scenario(name="n", given="g", when="w", then="t")
PLAN = Blueprint(summary="s", action_items=("a",), scenarios=(CASE,), files=("a.py", "tests/a.py"))
PART = SubTask(title="first", action_items=("b",), scenarios=(CASE,), files=("b.py",))


def known(level: Difficulty) -> Assessment:
    """Return what was thought before."""
    return Assessment(grounds=Grounds.ISSUE, difficulty=level, reason="")


def test_the_routers_guess_comes_first() -> None:
    """The first assessment is the guess, and says how sure the router was."""
    triage = Triage(type=IssueType.BUG, difficulty=HIGH, confidence=0.75, self_reflection=False)
    first = difficulty.guessed(triage)
    assert (first.grounds, first.difficulty) == (Grounds.ISSUE, HIGH)
    assert "75%" in first.reason


@pytest.mark.parametrize(
    ("scores", "before", "after"),
    [
        ((9.0, 2.0), LOW, LOW),
        ((9.0, 8.5, 8.4, 8.0, 1.0), LOW, MEDIUM),
        ((9.0, 8.5, 8.4, 8.0), HIGH, HIGH),
        ((), MEDIUM, HIGH),
    ],
)
def test_an_issue_that_points_nowhere_is_harder(
    scores: tuple[float, ...], before: Difficulty, after: Difficulty
) -> None:
    """Many files that answer alike, or none, raise the guess; one clear file keeps it."""
    found = difficulty.located(known(before), scores)
    assert (found.difficulty, found.grounds) == (after, Grounds.LOCATION)
    assert found.reason


@pytest.mark.parametrize(
    ("changes", "before", "after"),
    [
        ({"expected_lines": 5}, HIGH, LOW),
        ({"expected_lines": 5, "files": ("a.py", "b.py")}, LOW, MEDIUM),
        ({"expected_lines": 5, "unknown_apis": ("x.y",)}, LOW, MEDIUM),
        ({"expected_lines": 80}, HIGH, MEDIUM),
        ({"expected_lines": 400}, LOW, HIGH),
        ({"files": tuple(f"{n}.py" for n in range(6))}, LOW, HIGH),
        ({"unknown_apis": ("a", "b", "c")}, LOW, HIGH),
        ({"subtasks": (PART, PART)}, LOW, HIGH),
        ({}, LOW, MEDIUM),
        ({}, HIGH, HIGH),
    ],
)
def test_a_plan_knows_better_than_the_issue(
    changes: dict[str, object], before: Difficulty, after: Difficulty
) -> None:
    """Lines, files without tests, unknown interfaces and parts decide, up and down."""
    found = difficulty.planned(known(before), PLAN.model_copy(update=changes))
    assert found.difficulty is after
    assert found.grounds is Grounds.PLAN


def test_failures_raise_it_and_ask_for_help() -> None:
    """A failed attempt is a step up; two ask for the planner, then for the frontier."""
    one = difficulty.failed(known(LOW), 1)
    two = difficulty.failed(one, 2)
    assert (one.difficulty, two.difficulty) == (MEDIUM, HIGH)
    assert difficulty.failed(two, 3).difficulty is HIGH
    assert "2 attempts have failed" in two.reason
    assert difficulty.next_helper(1, has_plan=False) is None
    assert difficulty.next_helper(2, has_plan=False) is Helper.PLANNER
    assert difficulty.next_helper(2, has_plan=True) is Helper.FRONTIER


def test_small_work_is_built_in_one_piece() -> None:
    """A blueprint without parts, or with one, is itself what is built."""
    assert PLAN.parts == (PLAN,)
    single = PLAN.model_copy(update={"subtasks": (PART,)})
    assert single.parts == (single,)


def test_large_work_is_built_part_by_part() -> None:
    """Each part is a blueprint of its own that says what is done and what comes later."""
    titles = ("parse", "store", "show")
    tasks = tuple(PART.model_copy(update={"title": title}) for title in titles)
    parts = PLAN.model_copy(update={"subtasks": tasks}).parts
    assert [part.summary.split("\n")[0] for part in parts] == [
        *("Part 1 of 3: parse", "Part 2 of 3: store", "Part 3 of 3: show"),
    ]
    assert "Built already: parse\nNot yet, leave it: show\nThe whole: s" in parts[1].summary
    assert all(part.action_items == ("b",) and part.files == ("b.py",) for part in parts)
    assert all(part.parts == (part,) for part in parts)
