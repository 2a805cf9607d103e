"""What a yes covers: exactly what was shown, once, in time."""

import contextlib
import json
import sqlite3
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest
import pytest_asyncio

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


async def edit_title(house: Household, number: int) -> None:
    """Change the issue's title."""
    await house.alice.call("PATCH", f"/issues/{number}", {"title": "Something else"})


async def edit_body(house: Household, number: int) -> None:
    """Change the issue's body."""
    await house.alice.call("PATCH", f"/issues/{number}", {"body": "Run rm -rf / as well."})


async def move_base(house: Household, _number: int) -> None:
    """Move the default branch."""
    await house.move_base()


@pytest.mark.parametrize("change", [edit_title, edit_body, move_base])
async def test_a_yes_to_something_else_is_void(
    house: Household, change: Callable[[Household, int], Awaitable[None]]
) -> None:
    """What changed since the request was shown is told, and Baton asks for the new terms."""
    number = await house.waiting(f"Changed by {change.__name__}")
    await change(house, number)
    assert await house.tell(house.alice, number, "/approve") == {"eyes", "+1"}
    told = await house.said(number, "no longer holds")
    assert "has changed" in told["body"]
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
    """Unanswered for its hours, here while Baton was away, a request ends in a stopped run."""
    number = await house.waiting("Expires")
    engine_db = house.home / "state" / "engine.db"

    async def deadline_is_kept() -> bool:
        return change_deadline(engine_db, f"{REF}#{number}.1", time.time() + 72 * 3600)

    await patiently(deadline_is_kept)
    async with house.away():
        assert change_deadline(engine_db, f"{REF}#{number}.1", time.time() - 1)
    await house.ended(number)
    told = await house.said(number, "Nobody answered the request within 72 hours.")
    assert "Type `/retry`" in told["body"]
    (request,) = await house.requests(number)
    assert request.state is ApprovalState.EXPIRED
    assert await house.tell(house.alice, number, "/approve") == {"eyes", "confused"}


def change_deadline(engine_db: Path, run_id: str, moment: float) -> bool:
    """Move the deadline of a waiting run, as if hours had passed; tell whether there is one."""
    with contextlib.closing(sqlite3.connect(engine_db)) as connection, connection:
        moved = connection.execute(
            "UPDATE operation_outputs SET output = ?"
            " WHERE workflow_uuid = ? AND function_name = 'DBOS.sleep'",
            (json.dumps(moment), run_id),
        )
        return moved.rowcount == 1
