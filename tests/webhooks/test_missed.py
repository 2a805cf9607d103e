"""The laptop sleeps, the network is gone, GitHub never sends: what was missed is found."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import pytest_asyncio

from bot import deliveries
from bot.arrivals import keep_arriving
from bot.recovery import GRACE, Recovery
from bot.services import services
from shared.domain import Stage
from tests.road.test_people_kit import Household, open_household, patiently
from tests.road.world import REF, plan_for

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def house(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Household]:
    """One household for all tests of this file; every test has an issue of its own."""
    root = tmp_path_factory.mktemp("missed")
    async with open_household(plan_for(root / "home", root / "cache")) as opened:
        yield opened


@pytest_asyncio.fixture(autouse=True, loop_scope="module")
async def rest(house: Household) -> AsyncIterator[None]:
    """Leave nothing in flight behind a test."""
    yield
    await house.rest()


def recovery(folder: Path, *, later: timedelta = timedelta()) -> Recovery:
    """Return what looks for missed deliveries, with a clock that may be ahead."""
    return Recovery(
        services().github,
        services().store,
        deliveries.accept,
        folder / "recovery.json",
        now=lambda: datetime.now(UTC) + later,
    )


async def test_nothing_is_missed_on_an_ordinary_day(house: Household, tmp_path: Path) -> None:
    """Where everything arrived, the ping and the installation too, nothing is asked for."""
    number = await house.waiting("An ordinary day")

    async def labelled() -> bool:
        return "baton:needs-you" in await house.labels(number)

    await patiently(labelled)  # the last of what Baton itself has GitHub deliver
    await house.quiet()
    assert {row.status_code for row in await house.deliveries()} == {202}
    assert await recovery(tmp_path).look() == 0
    assert len(await services().store.runs(str(REF), number)) == 1


async def test_what_failed_while_the_laptop_slept_is_asked_for(
    house: Household, tmp_path: Path
) -> None:
    """Issue and answer arrive after the nap, in order and once, however often is looked."""
    await house.quiet()  # what the forge tells of its own beginning, and what Baton does
    house.faults.lose_deliveries()
    number = await house.issue("While it slept")
    await house.hookshot.settle()
    assert await house.stage(number) is None
    house.faults.release_deliveries()
    look = recovery(tmp_path)
    assert await look.look() == 1
    await house.at(number, Stage.AWAITING_PLANNER)
    await house.hookshot.settle()
    assert await look.look() == 0
    assert len(await services().store.runs(str(REF), number)) == 1


async def test_what_github_never_sent_is_read_from_its_lists(
    house: Household, tmp_path: Path
) -> None:
    """An issue, a command and a closing without any delivery lead to the same, once."""
    await house.waiting("The repository is known")
    start, then = recovery(tmp_path), recovery(tmp_path, later=2 * GRACE)
    assert await start.look() == 0
    await start.read_news()
    house.faults.lose_deliveries()
    number = await house.issue("Never sent")
    assert await start.read_news() == 0, "too fresh: its delivery may be on the way"
    assert await then.read_news() == 1
    await house.at(number, Stage.AWAITING_PLANNER)
    comment = await house.alice.comment(number, "/status")
    await house.alice.comment(number, "no command at all")
    assert await then.read_news() == 1
    await house.quiet()
    assert "eyes" in await house.reactions(comment)
    before = await house.left(number)
    assert await then.read_news() == 0
    assert await house.left(number) == before
    await house.alice.call("PATCH", f"/issues/{number}", {"state": "closed"})
    assert await then.read_news() == 1
    await house.ended(number, Stage.CLOSED)
    assert await then.read_news() == 0
    house.faults.release_deliveries()


async def test_strangers_gain_nothing_by_lost_deliveries(house: Household, tmp_path: Path) -> None:
    """Permission is asked for stand-ins as for any delivery."""
    await house.waiting("Known as well")
    start, then = recovery(tmp_path), recovery(tmp_path, later=2 * GRACE)
    await start.look()
    house.faults.lose_deliveries()
    issue = await house.mallory.call("POST", "/issues", {"title": "Mine", "body": ""})
    assert await then.read_news() >= 1
    house.faults.release_deliveries()
    await house.quiet()
    assert await house.stage(issue["number"]) is None


async def test_the_gateway_looks_as_soon_as_it_starts(house: Household) -> None:
    """What failed before is there without anybody pressing a button."""
    house.faults.lose_deliveries()
    number = await house.issue("Before it started")
    await house.hookshot.settle()
    house.faults.release_deliveries()
    arriving = asyncio.create_task(keep_arriving(services()))
    await house.at(number, Stage.AWAITING_PLANNER)
    arriving.cancel()
    await asyncio.gather(arriving, return_exceptions=True)
