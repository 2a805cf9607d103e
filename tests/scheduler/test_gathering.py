"""Switches that are put off, broken off, spared, or looked after by a desk that fails."""

import asyncio
import logging
from pathlib import Path

import pytest

from shared.scheduler import Policy, Priority
from tests.ollama_double.clock import VirtualClock
from tests.scheduler.house import CODER, MODELS, PLANNER, SMALL, TINY, house
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


def test_a_person_is_answered_by_what_has_room(clock: VirtualClock, tmp_path: Path) -> None:
    """While the planner answers, a small model comes beside it and nothing leaves."""
    asked = CODER.model_copy(update={"meanwhile": (PLANNER.name, TINY.name)})

    async def run() -> None:
        async with house(clock, tmp_path, models=(*MODELS, TINY)) as home, home.running() as ours:
            planning = asyncio.create_task(home.work(ours, PLANNER, "p", 100))
            await clock.sleep(60)
            async with ours.lease(
                asked, job="person", role="", priority=Priority.INTERACTIVE
            ) as lease:
                assert lease.model == TINY
                assert lease.waited_seconds == pytest.approx(TINY.size_gb, abs=1)
                assert full(home) == {PLANNER.name, TINY.name}
            await planning
        assert home.faults == []

    clock.run(run())


def test_a_person_is_answered_by_the_planner_that_is_in(
    clock: VirtualClock, tmp_path: Path
) -> None:
    """It answers when it is free; work in the background waits for its own model."""
    asked = CODER.model_copy(update={"meanwhile": (PLANNER.name,)})

    async def run() -> None:
        async with house(clock, tmp_path) as home, home.running() as ours:
            await home.work(ours, PLANNER, "p", 100)
            assert await home.work(ours, asked, "idle", 5, Priority.INTERACTIVE) == 0
            planning = asyncio.create_task(home.work(ours, PLANNER, "p", 100))
            await clock.sleep(60)
            coding = asyncio.create_task(home.work(ours, asked, "c", 5))
            waited = await home.work(ours, asked, "busy", 5, Priority.INTERACTIVE)
            assert waited == pytest.approx(40, abs=1)
            assert home.node.switches == 0
            await asyncio.gather(planning, coding)
            assert home.order == ["p", "idle", "p", "busy", "c"]
            assert full(home) == {CODER.name}
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
