"""Who is heard: people who may write, at the moment when it counts, and nobody else."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from bot.demo.forge.config import Level
from bot.services import services
from shared.domain import Stage
from shared.store import ApprovalState
from tests.road.test_people_kit import Household, open_household
from tests.road.world import REF, plan_for

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def house(tmp_path_factory: pytest.TempPathFactory, cache: Path) -> AsyncIterator[Household]:
    """One household for all tests of this file; every test has an issue of its own."""
    async with open_household(plan_for(tmp_path_factory.mktemp("heard"), cache)) as opened:
        yield opened


@pytest_asyncio.fixture(autouse=True, loop_scope="module")
async def rest(house: Household) -> AsyncIterator[None]:
    """Leave nothing in flight behind a test."""
    yield
    await house.rest()


@pytest.mark.parametrize("level", [Level.READ, Level.TRIAGE])
async def test_people_without_write_permission_move_nothing(house: Household, level: Level) -> None:
    """Each command is refused with the role it is refused for and a puzzled face."""
    await house.allow("mallory", level)
    number = await house.waiting(f"Refuses {level.role}")
    for verb in ("approve", "deny", "cancel", "retry", "run"):
        assert await house.tell(house.mallory, number, f"/{verb}") == {"eyes", "confused"}
        told = await house.said(number, f"can use `/{verb}`")
        assert f"your role here is `{level.role}`" in told["body"]
        assert await house.stage(number) is Stage.AWAITING_PLANNER
    (request,) = await house.requests(number)
    assert request.state is ApprovalState.PENDING


async def test_a_write_collaborator_is_heard(house: Household) -> None:
    """Write permission is enough; nobody has to be an admin."""
    number = await house.waiting("Hears wendy")
    assert await house.tell(house.wendy, number, "/deny We do it by hand.") == {"eyes", "+1"}
    run = await house.ended(number)
    assert run.reason == "wendy said no. We do it by hand."


async def test_a_bot_is_not_heard(house: Household) -> None:
    """Baton's own comments, and those of other Apps, never command."""
    number = await house.waiting("Ignores bots")
    comment = await (await services().repo(REF)).post_once(number, "by a bot", "/cancel")
    assert "/cancel" in comment.body.splitlines()
    await house.quiet()
    assert await house.reactions(comment.id) == set()
    assert await house.stage(number) is Stage.AWAITING_PLANNER


async def test_a_permission_taken_away_in_time_voids_the_approval(house: Household) -> None:
    """A yes counts only if its giver may still write when the work would start."""
    number = await house.waiting("Revoked")
    # The run reads the repository first of all; its trouble leaves time for the owner to act.
    house.faults.fail("GET", f"/repos/{REF}$", times=2)
    comment = await house.wendy.comment(number, "/approve")
    await house.struck()
    await house.allow("wendy", Level.READ)
    await house.quiet()
    assert await house.reactions(comment) == {"eyes", "+1"}
    told = await house.said(number, "no longer holds")
    assert "wendy may no longer write" in told["body"]
    await house.said(number, "/planner/2`")
    first, second = await house.requests(number)
    assert (first.state, second.state) == (ApprovalState.VOID, ApprovalState.PENDING)
    assert await house.tell(house.wendy, number, "/approve") == {"eyes", "confused"}
    assert await house.stage(number) is Stage.AWAITING_PLANNER
    await house.allow("wendy", Level.WRITE)


async def test_a_strangers_issue_waits_for_a_maintainers_label(house: Household) -> None:
    """An issue by somebody without write permission starts when a maintainer labels it."""
    await house.allow("mallory", Level.READ)
    number = await house.mallory.open_issue("By a stranger", "Please.")
    await house.quiet()
    assert await house.stage(number) is None
    assert await house.bodies(number) == []
    await house.alice.call("POST", f"/issues/{number}/labels", {"labels": ["baton"]})
    await house.at(number, Stage.AWAITING_PLANNER)


async def test_a_label_by_a_triager_starts_nothing(house: Household) -> None:
    """Who may label but not write cannot set Baton to work."""
    await house.allow("mallory", Level.TRIAGE)
    number = await house.mallory.open_issue("Labelled by a triager", "Please.")
    await house.mallory.call("POST", f"/issues/{number}/labels", {"labels": ["baton"]})
    await house.quiet()
    assert await house.stage(number) is None
    assert await house.labels(number) == {"baton"}


async def test_an_edited_comment_commands_nothing(house: Household) -> None:
    """A command counts when it is said, not when an old comment is changed into one."""
    number = await house.waiting("Edited comment")
    comment = await house.alice.comment(number, "Let me think.")
    await house.alice.call("PATCH", f"/issues/comments/{comment}", {"body": "/cancel"})
    await house.quiet()
    assert await house.stage(number) is Stage.AWAITING_PLANNER
