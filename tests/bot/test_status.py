from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import pytest

from bot.status import FAILED, hints, stage_rows, totals
from shared.domain import Stage
from shared.store import Run, StageChange, UsageEntry

START = datetime(2026, 11, 1, tzinfo=UTC)


def change(stage: Stage, second: float, note: str = "") -> StageChange:
    """Enter a stage some seconds after the start."""
    return StageChange(run_id="r", stage=stage, note=note, at=START + timedelta(seconds=second))


def shown(changes: Sequence[StageChange], second: float) -> list[tuple[str, Stage, float | None]]:
    """Return the rows of a run that stands where the last change brought it."""
    run = Run(
        id="r",
        origin="o",
        repo="o/r",
        number=1,
        attempt=1,
        requester="alice",
        title="t",
        stage=changes[-1].stage,
    )
    rows = stage_rows(run, changes, START + timedelta(seconds=second))
    return [(row.icon, row.stage, row.seconds) for row in rows]


def test_a_new_run_shows_the_road_ahead_without_detours() -> None:
    """Every stage that each run passes is listed in order; nothing has begun."""
    assert shown([change(Stage.RECEIVED, 0)], 5) == [
        ("▫️", Stage.TRIAGE, None),
        ("▫️", Stage.TESTING, None),
        ("▫️", Stage.CODING, None),
        ("▫️", Stage.REVIEWING, None),
        ("▫️", Stage.PROPOSING, None),
        ("▫️", Stage.VERIFYING, None),
        ("▫️", Stage.PROPOSED, None),
    ]


def test_the_present_stage_counts_on_and_waits_are_told_apart() -> None:
    """Time runs in the stage where the run stands; a wait for a person has its own sign."""
    changes = [
        change(Stage.RECEIVED, 0),
        change(Stage.TRIAGE, 1),
        change(Stage.AWAITING_PLANNER, 4),
    ]
    assert shown(changes, 64)[:2] == [
        ("✅", Stage.TRIAGE, 3.0),
        ("⏸️", Stage.AWAITING_PLANNER, 60.0),
    ]
    assert shown([*changes, change(Stage.PLANNING, 70)], 71)[2] == ("⏳", Stage.PLANNING, 1.0)


def test_a_stage_visited_twice_is_one_row_with_its_time_added_up() -> None:
    """Code, review, code again: both visits count, the last note stands."""
    changes = [
        change(Stage.CODING, 0, "attempt 1 of 3"),
        change(Stage.REVIEWING, 10),
        change(Stage.CODING, 15, "answers review round 1"),
        change(Stage.REVIEWING, 20),
    ]
    rows = shown(changes, 21)
    assert ("✅", Stage.CODING, 15.0) in rows
    assert ("⏳", Stage.REVIEWING, 6.0) in rows
    run = Run(
        id="r",
        origin="o",
        repo="o/r",
        number=1,
        attempt=1,
        requester="a",
        title="t",
        stage=Stage.REVIEWING,
    )
    notes = {row.stage: row.note for row in stage_rows(run, changes, START)}
    assert notes[Stage.CODING] == "answers review round 1"


@pytest.mark.parametrize(
    ("end", "sign"), [(Stage.STOPPED, "🛑"), (Stage.CANCELLED, "⏹️"), (Stage.CLOSED, "⏹️")]
)
def test_the_stage_in_which_a_run_ended_is_not_shown_as_done(end: Stage, sign: str) -> None:
    """A tick means done; where the run broke off there is another sign, and no time runs on."""
    changes = [change(Stage.TRIAGE, 0), change(Stage.CODING, 2), change(end, 5)]
    rows = shown(changes, 500)
    assert rows[0] == ("✅", Stage.TRIAGE, 2.0)
    assert (sign, Stage.CODING, 3.0) in rows
    assert ("▫️", Stage.REVIEWING, None) in rows


def test_a_merged_run_keeps_its_ticks() -> None:
    """A run whose pull request a person closed or merged has come to its end."""
    changes = [change(Stage.VERIFYING, 0), change(Stage.PROPOSED, 2), change(Stage.CLOSED, 9)]
    assert shown(changes, 10)[-1] == ("✅", Stage.PROPOSED, None)


def test_a_follow_up_is_shown_once_there_is_one() -> None:
    """The answer to a review comes after the pull request."""
    changes = [change(Stage.PROPOSED, 0), change(Stage.FOLLOWING_UP, 2)]
    assert shown(changes, 3)[-2:] == [
        ("✅", Stage.PROPOSED, None),
        ("⏳", Stage.FOLLOWING_UP, 1.0),
    ]


def test_a_follow_up_that_failed_has_no_tick() -> None:
    """A tick means done: an answer that came to nothing has a cross, and says why."""
    changes = [
        change(Stage.PROPOSED, 0),
        change(Stage.FOLLOWING_UP, 2, "review by alice"),
        change(Stage.FOLLOWING_UP, 5, f"{FAILED}no answer passes"),
        change(Stage.PROPOSED, 6),
    ]
    assert shown(changes, 7)[-1] == ("✘", Stage.FOLLOWING_UP, 4.0)


@pytest.mark.parametrize("stage", list(Stage))
def test_every_stage_has_commands_that_lead_on(stage: Stage) -> None:
    """Wherever a run stands, the status comment tells what to type; a wait tells how to end it."""
    run = Run(id="r", origin="o", repo="o/r", number=1, requester="alice", title="t", stage=stage)
    assert "/help" in hints(run)
    assert ("/approve" in hints(run)) is stage.awaits_person
    assert ("/retry" in hints(run)) is (stage in {Stage.STOPPED, Stage.CANCELLED})


def test_costs_add_up() -> None:
    """Calls, tokens and seconds are sums over all entries; none are zeros."""
    entry = UsageEntry(
        key="k",
        run_id="r",
        role="router",
        model="m",
        node="n",
        prompt_tokens=3,
        output_tokens=2,
        seconds=0.5,
    )
    assert totals([entry, entry]) == {
        "calls": 2,
        "prompt_tokens": 6,
        "output_tokens": 4,
        "model_seconds": 1.0,
    }
    assert set(totals([]).values()) == {0}
