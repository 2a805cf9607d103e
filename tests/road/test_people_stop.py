"""Stopping, starting again, and how people end a run."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import psutil
import pytest
import pytest_asyncio
from dbos import DBOS

from bot.demo import story
from shared.domain import Stage
from shared.store import ApprovalState
from tests.road.test_people_kit import Household, open_household, patiently, recording_with
from tests.road.world import REF, plan_for

pytestmark = pytest.mark.asyncio(loop_scope="module")

_NAP = "31415.9"
_SLEEPER = ('role = "tester"\nwhen = ["Take your time"]', f"I wait.\n\n```run\nsleep {_NAP}\n```")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def house(tmp_path_factory: pytest.TempPathFactory, cache: Path) -> AsyncIterator[Household]:
    """One household whose tester sleeps in the sandbox when an issue asks for it."""
    home = tmp_path_factory.mktemp("stop")
    recording = recording_with(home / "recording", [_SLEEPER])
    async with open_household(plan_for(home, cache, recording=recording)) as opened:
        yield opened


@pytest_asyncio.fixture(autouse=True, loop_scope="module")
async def rest(house: Household) -> AsyncIterator[None]:
    """Leave nothing in flight behind a test."""
    yield
    await house.rest()


def sleepers() -> Iterator[psutil.Process]:
    """Find what still runs of the sandboxed command."""
    for process in psutil.process_iter(["cmdline"]):
        if _NAP in (process.info["cmdline"] or ()):
            yield process


async def no_work_is_left(number: int) -> bool:
    """Tell whether the engine has nothing to do for an issue any more."""
    return not await DBOS.list_workflows_async(
        workflow_id_prefix=f"{REF}#{number}.", status=["PENDING", "ENQUEUED"]
    )


async def test_cancel_ends_a_command_and_retry_ends_in_a_pull_request(house: Household) -> None:
    """Nothing runs on after /cancel; /retry is a second run with a branch of its own."""
    text = story.issue_text()
    number = await house.waiting(text.title, f"{text.body}\n\nTake your time.")
    await house.tell(house.alice, number, "/approve")

    async def sleeps() -> bool:
        return any(sleepers())

    await patiently(sleeps)
    assert await house.tell(house.wendy, number, "/cancel") == {"eyes", "+1"}

    async def is_awake() -> bool:
        return not any(sleepers())

    await patiently(is_awake)
    assert await house.stage(number) is Stage.CANCELLED
    assert await no_work_is_left(number)
    await house.said(number, "Cancelled by @wendy. Type `/retry` to start again.")
    trees = house.home / "state" / "runs" / REF.owner / REF.name / str(number)
    assert list(trees.iterdir()) == []
    status = await house.said(number, "Baton · Cancelled")
    assert "wendy cancelled the run." in status["body"]
    assert not {name for name in await house.labels(number) if name.startswith("baton:")}

    await house.alice.call("PATCH", f"/issues/{number}", {"body": text.body})
    assert await house.tell(house.alice, number, "/retry") == {"eyes", "+1"}
    await house.at(number, Stage.AWAITING_PLANNER)
    assert await house.tell(house.alice, number, "/retry") == {"eyes", "confused"}
    await house.said(number, "A run is at work already, and waits for your answer")
    await house.tell(house.alice, number, "/approve")
    run = await house.at(number, Stage.PROPOSED)
    assert run.run_id == f"{REF}#{number}.2"
    pull = await house.alice.call("GET", f"/pulls/{run.pull_number}")
    assert pull["head"]["ref"].endswith("-2")
    await house.said(number, "**Done:**")

    await house.alice.call("PATCH", f"/pulls/{run.pull_number}", {"state": "closed"})
    await house.quiet()
    assert await house.stage(number) is Stage.CLOSED
    assert pull["head"]["ref"] in (await house.left(number))["branches"]
    await house.said(number, "This run is over.")


async def test_closing_the_issue_ends_a_waiting_run(house: Household) -> None:
    """A closed issue is not worked on; reopened, it starts again by /retry only."""
    number = await house.waiting("Closed while it waits")
    await house.alice.call("PATCH", f"/issues/{number}", {"state": "closed"})
    await house.quiet()
    assert await house.stage(number) is Stage.CLOSED
    assert await no_work_is_left(number)
    (request,) = await house.requests(number)
    assert request.state is ApprovalState.VOID
    assert await house.tell(house.alice, number, "/retry") == {"eyes", "confused"}
    await house.said(number, "This issue is closed.")
    await house.alice.call("PATCH", f"/issues/{number}", {"state": "open"})
    await house.quiet()
    assert await house.stage(number) is Stage.CLOSED
    assert await house.tell(house.alice, number, "/retry") == {"eyes", "+1"}
    run = await house.at(number, Stage.AWAITING_PLANNER)
    assert run.run_id.endswith(".2")
