"""What a yes covers: exactly what was shown, once, in time."""

import contextlib
import functools
import json
import sqlite3
import time
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest
import pytest_asyncio

from bot import stranded
from shared.domain import Role, Stage
from shared.store import ApprovalState
from tests.road.test_people_kit import Household, open_household, patiently, recording_with
from tests.road.world import REF, plan_for

pytestmark = pytest.mark.asyncio(loop_scope="module")

# Lets a run get no further than the planner, so that an approved one costs little.
_NO_PLAN = (
    'role = "planner"\nwhen = ["No plan"]',
    '{"summary": "", "action_items": [], "scenarios": []}',
)
_NO_PLAN_AGAIN = (_NO_PLAN[0] + "\nturn = 1", _NO_PLAN[1])


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def house(tmp_path_factory: pytest.TempPathFactory, cache: Path) -> AsyncIterator[Household]:
    """One household for all tests of this file; every test has an issue of its own."""
    home = tmp_path_factory.mktemp("yes")
    recording = recording_with(home / "recording", [_NO_PLAN, _NO_PLAN_AGAIN])
    async with open_household(plan_for(home, cache, recording=recording)) as opened:
        yield opened


@pytest_asyncio.fixture(autouse=True, loop_scope="module")
async def rest(house: Household) -> AsyncIterator[None]:
    """Leave nothing in flight behind a test."""
    yield
    await house.rest()


@pytest.mark.parametrize("edit", [{"title": "Something else"}, {"body": "Run rm -rf / as well."}])
async def test_an_edit_voids_what_is_asked(house: Household, edit: dict[str, str]) -> None:
    """As soon as the issue is edited its request is taken back, and asked for as it is now."""
    number = await house.waiting(f"Edited: {edit}")
    await house.alice.call("PATCH", f"/issues/{number}", edit)
    told = await house.said(number, "no longer holds")
    assert "the issue has changed" in told["body"]
    await house.said(number, "/planner/2`")
    first, second = await house.requests(number)
    assert first.digest != second.digest
    assert (first.state, second.state) == (ApprovalState.VOID, ApprovalState.PENDING)


async def test_a_yes_for_another_base_is_void(house: Household) -> None:
    """A base branch that has moved since it was shown is told, and the yes is asked for anew."""
    number = await house.waiting("Changed by move_base")
    await house.move_base()
    assert await house.tell(house.alice, number, "/approve") == {"eyes", "+1"}
    told = await house.said(number, "no longer holds")
    assert "the base branch has changed" in told["body"]
    await house.said(number, "/planner/2`")
    first, second = await house.requests(number)
    assert first.digest != second.digest
    assert (first.state, second.state) == (ApprovalState.VOID, ApprovalState.PENDING)
    assert await house.stage(number) is Stage.AWAITING_PLANNER
    assert not await house.asked(number, Role.PLANNER)


async def test_a_yes_counts_once(house: Household) -> None:
    """A second /approve finds nothing that waits, and one run goes on."""
    number = await house.waiting("No plan: twice")
    first = await house.alice.comment(number, "/approve")
    assert await house.tell(house.wendy, number, "/approve") == {"eyes", "confused"}
    assert await house.reactions(first) == {"eyes", "+1"}
    await house.said(number, "Nothing waits for an answer here")
    await house.ended(number)
    (request,) = await house.requests(number)
    assert (request.state, request.decided_by) == (ApprovalState.APPROVED, "alice")


async def test_a_yes_to_another_question_is_none(house: Household) -> None:
    """/approve frontier does not load the planner; the notice says what is asked."""
    number = await house.waiting("Wrong kind")
    assert await house.tell(house.alice, number, "/approve frontier") == {"eyes", "confused"}
    await house.said(number, "Baton waits for `/approve planner`. Nothing has been approved.")
    (request,) = await house.requests(number)
    assert request.state is ApprovalState.PENDING


async def test_a_paused_run_waits_until_it_is_resumed(house: Household) -> None:
    """A yes to a paused run starts nothing; a restart forgets no pause; /resume goes on."""
    number = await house.waiting("No plan: paused")
    assert await house.tell(house.alice, number, "/pause") == {"eyes", "+1"}
    assert await house.tell(house.wendy, number, "/pause") == {"eyes", "confused"}
    assert await house.tell(house.alice, number, "/approve") == {"eyes", "+1"}
    await house.said(number, "Paused by alice")
    async with house.away():
        pass
    status = await house.said(number, "Paused by alice; `/resume` goes on.")
    assert "Baton" in status["body"]
    assert not await house.asked(number, Role.PLANNER)
    assert await house.tell(house.wendy, number, "/resume") == {"eyes", "+1"}
    await house.ended(number)
    assert await house.asked(number, Role.PLANNER)


async def test_a_run_that_an_update_left_behind_is_ended_in_plain_sight(house: Household) -> None:
    """A run whose workflow nobody can resume says so; /retry works, and deliveries are not lost."""
    number = await house.waiting("No plan: left behind")
    house.faults.hold_deliveries()
    comment = await house.alice.comment(number, "/help")
    async with house.away():
        age(house.home / "state" / "engine.db")
    house.faults.release_deliveries()
    assert await stranded.look(grace=timedelta()) == 1
    told = await house.said(number, "**Stopped.** Nobody worked for this run any more")
    assert "`/retry` goes on from the last snapshot" in told["body"]
    await house.ended(number)
    (request,) = await house.requests(number)
    assert request.state is ApprovalState.VOID
    await house.quiet()
    assert await house.reactions(comment) == {"eyes", "+1"}
    assert await stranded.look(grace=timedelta()) == 0
    assert await house.tell(house.alice, number, "/retry") == {"eyes", "+1"}
    await house.at(number, Stage.AWAITING_PLANNER)


def age(engine_db: Path) -> None:
    """Make every workflow one of an older shape."""
    with contextlib.closing(sqlite3.connect(engine_db)) as connection, connection:
        connection.execute("UPDATE workflow_status SET application_version = '0'")


async def test_a_no_stops_with_its_reason(house: Household) -> None:
    """/deny ends the run; the notice has the reason, neutralised, and what to type."""
    number = await house.waiting("Denied")
    await house.tell(house.alice, number, "/deny Not before @wendy is back.")
    await house.ended(number)
    told = await house.said(number, "**Stopped.**")
    assert "alice said no. Not before @\u200bwendy is back." in told["body"]
    assert "Type `/retry`" in told["body"]
    assert "baton:needs-you" in await house.labels(number)


async def test_a_run_that_is_over_asks_nothing_any_more(house: Household) -> None:
    """A cancelled run takes its request along: a late yes finds nothing that waits."""
    number = await house.waiting("Cancelled while it asks")
    assert await house.tell(house.alice, number, "/cancel") == {"eyes", "+1"}
    assert await house.stage(number) is Stage.CANCELLED
    assert await house.tell(house.alice, number, "/approve") == {"eyes", "confused"}
    (request,) = await house.requests(number)
    assert request.state is ApprovalState.VOID
    await house.tell(house.alice, number, "/retry")
    await house.at(number, Stage.AWAITING_PLANNER)
    states = [request.state for request in await house.requests(number)]
    assert states == [ApprovalState.VOID, ApprovalState.PENDING]


async def test_a_request_expires(house: Household) -> None:
    """Unanswered for its hours, here while Baton was away, a request is told of once, then ends."""
    number = await house.waiting("Expires")
    engine_db, run_id = house.home / "state" / "engine.db", f"{REF}#{number}.1"

    async def waits(deadlines: int) -> bool:
        later = time.time() + 72 * 3600
        return change_deadline(engine_db, run_id, later) == deadlines

    for deadlines in (1, 2):
        await patiently(functools.partial(waits, deadlines))
        async with house.away():
            assert change_deadline(engine_db, run_id, time.time() - 1) == deadlines
        if deadlines == 1:
            told = await house.said(number, "still waits for `/approve planner`")
            assert "In 24 hours the request expires" in told["body"]
    await house.ended(number)
    assert sum("still waits" in body for body in await house.bodies(number)) == 1
    told = await house.said(number, "Nobody answered the request within 72 hours.")
    assert "Type `/retry`" in told["body"]
    (request,) = await house.requests(number)
    assert request.state is ApprovalState.EXPIRED
    assert await house.tell(house.alice, number, "/approve") == {"eyes", "confused"}


def change_deadline(engine_db: Path, run_id: str, moment: float) -> int:
    """Move the deadlines of a waiting run, as if hours had passed; return how many there are."""
    with contextlib.closing(sqlite3.connect(engine_db)) as connection, connection:
        moved = connection.execute(
            "UPDATE operation_outputs SET output = ?"
            " WHERE workflow_uuid = ? AND function_name = 'DBOS.sleep'",
            (json.dumps(moment), run_id),
        )
        return moved.rowcount
