"""Snapshots: a run goes on from them after an outage, on a person's word, or on another machine."""

import asyncio
import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from bot.demo import story
from bot.resume import resume
from bot.services import services
from bot.snapshots import CONTEXT, TASK, WORK, read_folder
from shared.domain import Role, Stage
from shared.errors import ConfigurationError
from shared.profiles import Profile
from tests.road.test_people_kit import Household, open_household, patiently
from tests.road.world import REF, plan_for

pytestmark = pytest.mark.asyncio(loop_scope="module")


def careful(profile: Profile) -> Profile:
    """Ask before a plan is built, and wait for a node for a moment only."""
    return profile.model_copy(
        update={
            "approvals": profile.approvals.model_copy(update={"plan": True}),
            "budgets": profile.budgets.model_copy(update={"outage_seconds": 1}),
        }
    )


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def house(tmp_path_factory: pytest.TempPathFactory, cache: Path) -> AsyncIterator[Household]:
    """One household with the demo's repository, whose plans wait for a yes."""
    home = tmp_path_factory.mktemp("snapshots")
    async with open_household(plan_for(home, cache), careful) as opened:
        yield opened


def papers(house: Household, number: int) -> Path:
    """Return the folder of an issue's files."""
    return house.home / "state" / "shared" / REF.owner / REF.name / str(number)


async def planned(house: Household) -> int:
    """Open the demo's issue and bring it to where its plan waits for a yes."""
    text = story.issue_text()
    number = await house.waiting(text.title, text.body)
    await house.tell(house.alice, number, "/approve planner")
    await house.at(number, Stage.AWAITING_PLAN)
    return number


async def test_a_run_goes_on_from_its_files_alone(house: Household, tmp_path: Path) -> None:
    """With every database and clone gone, the snapshot's files lead to the pull request.

    Nothing that was done is done again: neither the plan nor the tests.
    """
    number = await planned(house)
    await house.tell(house.alice, number, "/approve plan")
    await house.until(number, lambda run: run.stage is Stage.CODING)
    folder = papers(house, number)

    async def coding() -> bool:
        return (await asyncio.to_thread(read_folder, folder)).agent == Role.CODER.agent

    await patiently(coding)
    async with house.away():
        kept = tmp_path / "snapshot"
        await asyncio.to_thread(shutil.copytree, folder, kept)
        await asyncio.to_thread(shutil.rmtree, house.home / "state")
        document = await asyncio.to_thread(read_folder, kept)
        assert document.task.red is not None
        assert document.task.blueprint is not None
        assert (kept / WORK).is_file()
        assert story.issue_text().title in (kept / CONTEXT).read_text("utf-8")
        first = await resume(house.settings, kept)
        again = await resume(house.settings, kept)
        assert again.id == first.id
    run = await house.until(number, lambda run: run.stage is Stage.PROPOSED)
    assert run.pull_number is not None
    assert await house.asked(number, Role.PLANNER) == 0
    assert await house.asked(number, Role.TESTER) == 0
    assert await house.asked(number, Role.CODER) > 0


async def test_a_person_goes_back_to_a_snapshot(house: Household) -> None:
    """/rollback names what there is, ends what is under way and starts anew from the snapshot."""
    number = await planned(house)
    assert await house.tell(house.alice, number, "/rollback 99") == {"eyes", "confused"}
    await house.said(number, "There is no snapshot `99`. There are 1")
    assert await house.tell(house.alice, number, "/rollback 1") == {"eyes", "+1"}
    await house.said(number, "Back to snapshot 1")
    run = await house.at(number, Stage.AWAITING_PLANNER)
    old, new = reversed(await services().store.runs(str(REF), number))
    assert old.stage is Stage.CANCELLED
    assert new.resumed_from is not None
    assert run.run_id == new.id
    await house.tell(house.alice, number, "/cancel")


async def test_a_changed_issue_is_not_resumed(house: Household) -> None:
    """A snapshot of another text is refused, since its plan may no longer fit."""
    number = await planned(house)
    await house.alice.call("PATCH", f"/issues/{number}", {"body": "Something else altogether."})
    await house.tell(house.alice, number, "/rollback")
    await house.said(number, "The issue has changed since that snapshot was taken")
    await house.ended(number)


async def test_the_plan_waits_for_a_yes(house: Household) -> None:
    """With a profile that says so, the plan is shown and nothing is built before a yes."""
    number = await planned(house)
    told = await house.said(number, "Shall this plan be built?")
    assert "1. " in told["body"]
    assert await house.tell(house.alice, number, "/approve planner") == {"eyes", "confused"}
    await house.tell(house.alice, number, "/deny too large")
    await house.ended(number)
    assert await house.asked(number, Role.TESTER) == 0


@pytest.mark.parametrize(
    ("text", "complaint"),
    [(None, "Give the folder"), ("{", "no snapshot"), ('{"schema_version": 9}', "no snapshot")],
)
async def test_files_that_are_no_snapshot_are_refused(
    tmp_path: Path, text: str | None, complaint: str
) -> None:
    """What cannot be read is named, and nothing is stored."""
    if text is not None:
        (tmp_path / TASK).write_text(text)
    with pytest.raises(ConfigurationError, match=complaint):
        read_folder(tmp_path)
