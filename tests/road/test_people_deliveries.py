"""Webhooks come twice, at once, late and in any order; GitHub fails; people see it once."""

import asyncio
import json
import re
from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from dbos import DBOS

from bot import engine
from bot.demo import story
from bot.demo.forge.faults import When
from bot.durable import patient, step
from bot.services import services
from shared.domain import Stage
from shared.errors import GitHubUnavailable
from tests.road.test_people_kit import Household, open_household
from tests.road.world import REF, plan_for

_REST = {"Retry-After": "1"}
pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def house(tmp_path_factory: pytest.TempPathFactory, cache: Path) -> AsyncIterator[Household]:
    """One household for all tests of this file; every test has an issue of its own."""
    async with open_household(plan_for(tmp_path_factory.mktemp("news"), cache)) as opened:
        yield opened


@pytest_asyncio.fixture(autouse=True, loop_scope="module")
async def rest(house: Household) -> AsyncIterator[None]:
    """Leave nothing in flight behind a test."""
    yield
    await house.rest()


async def runs_of(number: int) -> list[str]:
    """Return the ids of an issue's runs."""
    return [run.id for run in await services().store.runs(str(REF), number)]


async def test_one_delivery_sent_thrice_starts_one_run(house: Household) -> None:
    """The same GUID at the same moment, and once more later, is one delivery."""
    house.faults.hold_deliveries()
    number = await house.issue("At once")
    delivery = (await house.deliveries())[-1]
    assert set(await asyncio.gather(house.post(delivery), house.post(delivery))) == {202}
    house.faults.release_deliveries()
    await house.at(number, Stage.AWAITING_PLANNER)
    await house.quiet()
    assert await runs_of(number) == [f"{REF}#{number}.1"]


@pytest.mark.parametrize("backwards", [False, True])
async def test_opened_and_labelled_at_once_start_one_run(
    house: Household, *, backwards: bool
) -> None:
    """Whichever of the two comes first, and together with redeliveries, one run starts."""
    house.faults.hold_deliveries()
    before = len(await house.deliveries())
    number = await house.issue("Opened with a label", labels=["baton"])
    # What Baton still has delivered for the issue before is none of this.
    sent = [
        delivery
        for delivery in (await house.deliveries())[before:]
        if json.loads(delivery.payload)["sender"]["login"] == "alice"
    ]
    assert [delivery.action for delivery in sent] == ["opened", "labeled"]
    for delivery in reversed(sent) if backwards else sent:
        assert await house.post(delivery) == 202
    house.faults.release_deliveries()
    await house.at(number, Stage.AWAITING_PLANNER)
    await house.quiet()
    assert await runs_of(number) == [f"{REF}#{number}.1"]
    assert Counter(await kinds(house, number)) == {"status": 1, "approval": 1}


async def test_news_of_an_issue_that_is_closed_by_now_starts_nothing(house: Household) -> None:
    """Opened and closed end in the same state when they arrive the other way round."""
    house.faults.hold_deliveries()
    before = len(await house.deliveries())
    number = await house.issue("Closed at once")
    await house.alice.call("PATCH", f"/issues/{number}", {"state": "closed"})
    for delivery in reversed((await house.deliveries())[before:]):
        assert await house.post(delivery) == 202
    house.faults.release_deliveries()
    await house.quiet()
    assert await house.stage(number) in {None, Stage.CLOSED}
    assert "approval" not in await kinds(house, number)


async def kinds(house: Household, number: int) -> list[str]:
    """Return what Baton's comments on an issue are, by their markers."""
    return re.findall(r"<!-- baton:(\w+)", "\n".join(await house.bodies(number)))


@engine.workflow("say for a test")
async def speak(away: int) -> int:
    """Do a step that fails so often for an outage; return how often it was tried."""
    tried = 0

    async def work() -> int:
        nonlocal tried
        tried += 1
        if tried <= away:
            raise GitHubUnavailable("GitHub is away.")
        return tried

    with patient(0.001):
        return await step("say", int, work, tries=1)


async def test_an_outage_that_outlasts_a_step_is_waited_for(house: Household) -> None:
    """What has to be said is said once GitHub is back, however often that was tried before."""
    del house
    with engine.once("speaks"):
        handle = await DBOS.start_workflow_async(speak, 4)
    assert await handle.get_result(polling_interval_sec=0.01) == 5
    with engine.once("speaks"):
        again = await DBOS.start_workflow_async(speak, 4)
    assert await again.get_result(polling_interval_sec=0.01) == 5


async def test_a_troubled_run_leaves_one_of_each(house: Household) -> None:
    """Server errors, lost answers and rate limits cost time; redelivering all changes nothing."""
    house.faults.fail("POST", r"/issues/\d+/comments$", status=403, headers=_REST)
    house.faults.fail("POST", r"/issues/\d+/comments$", when=When.DROPPED)
    house.faults.fail("POST", r"/issues/\d+/labels$", when=When.AFTER)
    house.faults.fail("POST", r"/fortnight/labels$", when=When.DROPPED)
    house.faults.fail("GET", r"/collaborators/\w+/permission$")
    house.faults.fail("PATCH", r"/issues/comments/\d+$", when=When.DROPPED)
    house.faults.fail("POST", r"/git-receive-pack$")
    house.faults.fail("POST", r"/git-receive-pack$", when=When.DROPPED)
    house.faults.fail("POST", r"/fortnight/pulls$", status=403, headers=_REST)
    house.faults.fail("POST", r"/fortnight/pulls$", when=When.DROPPED)
    house.faults.fail("POST", r"/check-runs$", when=When.DROPPED)
    house.faults.fail("POST", r"/graphql$", when=When.DROPPED)
    text = story.issue_text()
    number = await house.issue(text.title, text.body)
    await house.at(number, Stage.AWAITING_PLANNER)
    assert await house.tell(house.alice, number, "/approve") == {"eyes", "+1"}
    run = await house.at(number, Stage.PROPOSED)
    await house.said(number, "**Done:**")
    await house.struck()
    found = Counter(await kinds(house, number))
    assert found == {"status": 1, "approval": 1, "blueprint": 1, "finished": 1}
    names = [label["name"] for label in await house.alice.call("GET", "/labels?per_page=100")]
    assert len(names) == len(set(names))
    left = await house.left(number)
    assert [pull[0] for pull in left["pulls"]] == [run.pull_number]
    assert len(left["branches"]) == 2
    head = left["pulls"][0][3]
    checks = await house.alice.call("GET", f"/commits/{head}/check-runs")
    assert [check["conclusion"] for check in checks["check_runs"]] == ["success"]

    for delivery in await house.deliveries():
        await house.redeliver(delivery)
    await house.quiet()
    assert await house.left(number) == left
    assert await runs_of(number) == [f"{REF}#{number}.1"]

    await house.alice.call("PUT", f"/pulls/{run.pull_number}/merge", {})
    await house.quiet()
    assert await house.stage(number) is Stage.CLOSED
    assert (await house.left(number))["state"] == "closed"
    await house.said(number, "This run is over.")
