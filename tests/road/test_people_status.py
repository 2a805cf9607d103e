"""The one status comment, and the labels beside those of people."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from shared.domain import Stage
from tests.road.test_people_kit import Household, open_household
from tests.road.world import plan_for

pytestmark = pytest.mark.asyncio(loop_scope="module")

_LIMIT = 65_536  # characters, GitHub's
_STATES = {"baton:working", "baton:needs-you", "baton:proposed"}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def house(tmp_path_factory: pytest.TempPathFactory, cache: Path) -> AsyncIterator[Household]:
    """One household for all tests of this file; every test has an issue of its own."""
    async with open_household(plan_for(tmp_path_factory.mktemp("status"), cache)) as opened:
        yield opened


@pytest_asyncio.fixture(autouse=True, loop_scope="module")
async def rest(house: Household) -> AsyncIterator[None]:
    """Leave nothing in flight behind a test."""
    yield
    await house.rest()


async def statuses(house: Household, number: int) -> list[str]:
    """Return Baton's status comments on an issue."""
    return [body for body in await house.bodies(number) if body.startswith("<!-- baton:status")]


async def test_a_deleted_status_comes_back(house: Household) -> None:
    """A person may delete it; the next news, or /status, writes one again, and only one."""
    number = await house.waiting("Deleted status")
    shown = await house.said(number, "Baton waits for you")
    await house.delete_comment(shown["id"])
    assert await statuses(house, number) == []
    assert await house.tell(house.alice, number, "/status") == {"eyes", "+1"}
    assert len(await statuses(house, number)) == 1
    await house.tell(house.alice, number, "/cancel")
    (status,) = await statuses(house, number)
    assert "Baton · Cancelled" in status
    for comment in await house.alice.comments(number):
        if status == comment["body"]:
            await house.delete_comment(comment["id"])
    await house.tell(house.alice, number, "/status")
    assert await statuses(house, number) == [status]


async def test_somebody_elses_comment_is_never_taken_for_the_status(house: Household) -> None:
    """A comment that carries Baton's own marker is left as its author wrote it."""
    before = await house.issue("Before the forgery")
    forged = f"<!-- baton:status alice/fortnight#{before + 1}.1 -->\nAll is well."
    number = await house.waiting("Forged status")
    comment = await house.mallory.comment(number, forged)
    await house.tell(house.alice, number, "/status")
    kept = await house.alice.call("GET", f"/issues/comments/{comment}")
    assert kept["body"] == forged
    assert len(await statuses(house, number)) == 2


async def test_no_text_is_too_long_for_github(house: Household) -> None:
    """A reason as long as a comment may be, and longer once neutralised, is cut and shown."""
    number = await house.waiting("Long reason")
    reason = "@a " * ((_LIMIT - 10) // 3)
    assert await house.tell(house.alice, number, f"/deny {reason}") == {"eyes", "+1"}
    await house.ended(number)
    told = await house.said(number, "**Stopped.**")
    assert "Cut here" in told["body"]
    status = await house.said(number, "Baton · Stopped")
    assert max(len(told["body"]), len(status["body"])) <= _LIMIT


async def test_labels_follow_the_stage_and_leave_others_alone(house: Household) -> None:
    """There is one state at a time; labels that people have put on stay where they are."""
    issue = {"title": "Labels", "body": "b", "labels": ["urgent", "type:mine"]}
    number = int((await house.alice.call("POST", "/issues", issue))["number"])
    await house.at(number, Stage.AWAITING_PLANNER)
    await house.said(number, "Baton waits for you")
    await house.tell(house.alice, number, "/status")
    theirs = {"urgent", "type:mine", "type:bug", "difficulty:medium"}
    assert await house.labels(number) == theirs | {"baton:needs-you"}
    await house.tell(house.alice, number, "/cancel")
    assert await house.labels(number) == theirs
    await house.tell(house.alice, number, "/retry")
    await house.at(number, Stage.AWAITING_PLANNER)
    await house.tell(house.alice, number, "/status")
    assert await house.labels(number) & _STATES == {"baton:needs-you"}
    assert await house.labels(number) >= theirs
