import asyncio
from pathlib import Path

import pytest

from shared.errors import NodeUnreachable
from shared.scheduler import Priority, Reason, Scheduler
from tests.ollama_double.clock import START, VirtualClock
from tests.scheduler.house import BUDGET, CODER, PLANNER, REVIEWER, SMALL, House
from tests.scheduler.test_leases import full, in_house


@pytest.fixture
def clock() -> VirtualClock:
    """A clock that jumps."""
    return VirtualClock()


def test_the_planner_leaves_at_once_and_residents_return(
    clock: VirtualClock, tmp_path: Path
) -> None:
    """Without anybody asking, what the planner pushed out is back after its last lease."""

    async def test(home: House, scheduler: Scheduler) -> None:
        for model in (CODER, SMALL):
            await home.work(scheduler, model, "a")
        await home.work(scheduler, PLANNER, "a", unload_after=True)
        ended = clock()
        await clock.sleep(60)
        assert full(home) == {CODER.name, SMALL.name}
        leaving = next(e for e in home.node.events if (e.what, e.model) == ("unload", PLANNER.name))
        assert leaving.at - ended < 1
        assert await home.work(scheduler, CODER, "b") == 0

    in_house(clock, tmp_path, test)


def test_the_planner_stays_for_those_who_wait(clock: VirtualClock, tmp_path: Path) -> None:
    """The last lease of one issue does not send it away while another issue waits for it."""

    async def test(home: House, scheduler: Scheduler) -> None:
        await home.work(scheduler, CODER, "a")
        await asyncio.gather(
            *(home.work(scheduler, PLANNER, job, unload_after=True) for job in "abc")
        )
        loads = [e for e in home.node.events if (e.what, e.model) == ("load", PLANNER.name)]
        assert len(loads) == 1

    in_house(clock, tmp_path, test)


def test_a_resident_stays_whatever_is_asked(clock: VirtualClock, tmp_path: Path) -> None:
    """A planner that is also the coder's model does not leave after planning."""

    async def test(home: House, scheduler: Scheduler) -> None:
        await home.work(scheduler, CODER, "a", unload_after=True)
        await clock.sleep(60)
        assert full(home) == {CODER.name}

    in_house(clock, tmp_path, test)


def test_a_switch_is_foreseen_announced_and_proved(clock: VirtualClock, tmp_path: Path) -> None:
    """What was said before is what happens: models, memory, jobs; then the node's own list."""

    async def test(home: House, scheduler: Scheduler) -> None:
        await home.work(scheduler, CODER, "coding")
        plan = await scheduler.foresee(PLANNER)
        assert [(m.name, m.gb) for m in plan.leaving] == [(CODER.name, 20)]
        assert (plan.used_gb, plan.used_after_gb, plan.budget_gb) == (20, 52, BUDGET)
        assert (plan.load_seconds, plan.is_resident, plan.has_room) == (52, False, True)
        await home.work(scheduler, PLANNER, "planning")
        announced, proof = home.proofs[-1]
        assert home.switches[-1] == announced
        assert announced.leaving == plan.leaving
        assert set(announced.jobs) == {"coding", "planning"}
        assert [(m.name, m.gb) for m in proof.loaded] == [(PLANNER.name, 52)]
        assert proof.seconds >= 52
        there = await scheduler.foresee(PLANNER)
        assert (there.is_resident, there.leaving, there.seconds) == (True, (), 0)

    in_house(clock, tmp_path, test)


def test_all_places_are_told_in_one_go(clock: VirtualClock, tmp_path: Path) -> None:
    """Who waits has a place with a reason; who works or wants nothing has none."""

    async def test(home: House, scheduler: Scheduler) -> None:
        jobs = [asyncio.create_task(home.work(scheduler, CODER, "works", 100))]
        await clock.sleep(25)
        for job, model in (("plans", PLANNER), ("codes", CODER)):
            jobs.append(asyncio.create_task(home.work(scheduler, model, job, 30)))
            await clock.sleep(5)
        places = await scheduler.places(["works", "plans", "codes", "nobody"])
        told = {job: (p.position, p.ahead, p.reason, p.waits_for) for job, p in places.items()}
        assert told == {
            "plans": (1, 1, Reason.ROOM, (CODER.name,)),
            "codes": (2, 2, Reason.TURN, (CODER.name,)),
        }
        assert all(place.expected_seconds > 0 for place in places.values())
        await asyncio.gather(*jobs)
        assert await scheduler.places(["works", "plans", "codes"]) == {}

    in_house(clock, tmp_path, test)


def test_agents_are_busy_or_idle_since_a_moment(clock: VirtualClock, tmp_path: Path) -> None:
    """An agent has its job and since when; after it, since when it rests."""

    async def test(home: House, scheduler: Scheduler) -> None:
        coding = asyncio.create_task(home.work(scheduler, CODER, "a", 100))
        await clock.sleep(50)
        told = {a.agent: (a.node, a.model, a.status, a.job) for a in await scheduler.activity()}
        assert told["Dev1_Senior"] == ("mini", CODER.name, "BUSY", "a")
        assert told["Planner"] == ("mini", PLANNER.name, "IDLE", None)
        since = {a.agent: a.since for a in await scheduler.activity()}
        assert since["Dev1_Senior"] == pytest.approx(START + 20, abs=1)
        assert since["Planner"] is None
        await coding
        since = {a.agent: a.since for a in await scheduler.activity()}
        assert since["Dev1_Senior"] == pytest.approx(START + 120, abs=1)

    in_house(clock, tmp_path, test)


def test_a_node_that_is_away_is_told_and_waited_for(clock: VirtualClock, tmp_path: Path) -> None:
    """A lease fails at once, the state says since when, and the wait ends when it is back."""

    async def test(home: House, scheduler: Scheduler) -> None:
        assert scheduler.node_state("mini").is_reachable
        await home.node.vanish()
        left = clock()
        with pytest.raises(NodeUnreachable):
            await home.work(scheduler, CODER, "a")
        assert scheduler.node_state("mini").unreachable_since == left
        assert not await scheduler.reachable("mini", within_seconds=30)
        assert scheduler.node_state("mini").unreachable_since == left
        waiting = asyncio.create_task(scheduler.reachable("mini", within_seconds=600))
        await clock.sleep(100)
        assert not waiting.done()
        await home.node.come_back()
        assert await waiting
        assert scheduler.node_state("mini").is_reachable
        assert await home.work(scheduler, CODER, "a") == pytest.approx(20, abs=1)

    in_house(clock, tmp_path, test)


def test_a_node_that_forgot_its_models_is_proved_anew(clock: VirtualClock, tmp_path: Path) -> None:
    """After a crash of Ollama a lease is granted when the model is loaded again, not before."""

    async def test(home: House, scheduler: Scheduler) -> None:
        await home.work(scheduler, REVIEWER, "a")
        working = asyncio.create_task(home.work(scheduler, REVIEWER, "b", 100))
        await clock.sleep(1)
        await home.node.vanish(forgets=True)
        await asyncio.gather(working, return_exceptions=True)
        await home.node.come_back()
        waited = await home.work(scheduler, REVIEWER, "b", priority=Priority.INTERACTIVE)
        assert waited == pytest.approx(REVIEWER.size_gb, abs=1)
        assert full(home) == {REVIEWER.name}
        assert SMALL.name not in full(home)

    in_house(clock, tmp_path, test)
