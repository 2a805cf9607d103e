"""Switches that are put off, broken off, or looked after by a desk that fails."""

import asyncio
import logging
from pathlib import Path

import pytest

from shared.scheduler import Policy, Priority
from tests.ollama_double.clock import VirtualClock
from tests.scheduler.house import CODER, PLANNER, SMALL, house
from tests.scheduler.test_leases import full

POLICY = Policy(gather_seconds=100, active_seconds=60)


@pytest.fixture
def clock() -> VirtualClock:
    """A clock that jumps."""
    return VirtualClock()


def test_two_jobs_share_the_planner_that_one_has_waited_for(
    clock: VirtualClock, tmp_path: Path
) -> None:
    """While others are at work the first waits for the second, and the residents leave once."""

    async def run() -> None:
        async with house(clock, tmp_path) as home, home.running(policy=POLICY) as scheduler:
            await home.work(scheduler, CODER, "c")
            first = asyncio.create_task(home.work(scheduler, PLANNER, "a", unload_after=True))
            await clock.sleep(35)
            place = await scheduler.position("a")
            assert full(home) == {CODER.name}
            await home.work(scheduler, PLANNER, "b", unload_after=True)
            assert await first == pytest.approx(35 + 54, abs=2)
            assert place is not None
            assert place.expected_seconds == pytest.approx(25 + 52, abs=10)
            await clock.sleep(60)
            assert home.node.switches == 2
        assert home.faults == []

    clock.run(run())


def test_a_person_does_not_wait_for_a_load(clock: VirtualClock, tmp_path: Path) -> None:
    """The load is broken off, the person is served, and the planner comes after all."""

    async def run() -> None:
        async with house(clock, tmp_path) as home, home.running(policy=POLICY) as scheduler:
            await home.work(scheduler, SMALL, "c")
            await clock.sleep(100)
            planning = asyncio.create_task(home.work(scheduler, PLANNER, "p"))
            await clock.sleep(30)
            waited = await home.work(scheduler, SMALL, "person", 5, Priority.INTERACTIVE)
            assert waited == pytest.approx(SMALL.size_gb, abs=2)
            await planning
            assert home.order == ["c", "person", "p"]
            loads = [event.what for event in home.node.events if event.model == PLANNER.name]
            assert loads == ["load", "abort", "load", "loaded"]
        assert home.faults == []

    clock.run(run())


def test_a_desk_outlives_what_nobody_foresaw(
    clock: VirtualClock, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """A failure of the clock is logged, and what is due is done afterwards."""
    broken = False

    class Flaky(VirtualClock):
        def __call__(self) -> float:
            if broken:
                raise OSError("no time")
            return super().__call__()

    async def run(clock: VirtualClock) -> None:
        nonlocal broken
        async with house(clock, tmp_path) as home, home.running(policy=POLICY) as scheduler:
            await home.work(scheduler, PLANNER, "a")
            broken = True
            await clock.sleep(60)
            broken = False
            assert full(home) == {PLANNER.name}
            await clock.sleep(60)
            assert full(home) == set()

    flaky = Flaky()
    with caplog.at_level(logging.ERROR, "shared.scheduler"):
        flaky.run(run(flaky))
    assert "The desk of node mini failed" in caplog.text
