import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from shared.errors import ModelError, ModelMissing, ModelUnavailable, NodeUnreachable
from shared.scheduler import Policy, Priority, Reason, Scheduler, SwitchPlan
from tests.ollama_double.clock import START, VirtualClock
from tests.scheduler.house import CODER, PLANNER, REVIEWER, SMALL, House, house

PATIENT = Policy(patience_seconds=300, gather_seconds=0)


@pytest.fixture
def clock() -> VirtualClock:
    """A clock that jumps."""
    return VirtualClock()


def in_house(
    clock: VirtualClock, folder: Path, test: Callable[[House, Scheduler], Awaitable[None]]
) -> None:
    """Run a test in a house with one scheduler; no promise about memory may be broken in it."""

    async def run() -> None:
        async with house(clock, folder) as home, home.running(policy=PATIENT) as scheduler:
            await test(home, scheduler)
        assert home.faults == []

    clock.run(run())


def test_a_lease_loads_its_model(clock: VirtualClock, tmp_path: Path) -> None:
    """The model is in memory when the lease begins; a second lease begins at once."""

    async def test(home: House, scheduler: Scheduler) -> None:
        assert await home.work(scheduler, CODER, "a") == pytest.approx(20, abs=1)
        assert await home.work(scheduler, CODER, "b") == 0
        assert [event.what for event in home.node.events] == ["load", "loaded"]

    in_house(clock, tmp_path, test)


def test_what_fits_is_loaded_side_by_side(clock: VirtualClock, tmp_path: Path) -> None:
    """Residents share the memory, and nothing is unloaded for them."""

    async def test(home: House, scheduler: Scheduler) -> None:
        models = (SMALL, CODER, REVIEWER)
        await asyncio.gather(*(home.work(scheduler, m, m.name) for m in models))
        assert {event.what for event in home.node.events} == {"load", "loaded"}
        assert home.switches == []

    in_house(clock, tmp_path, test)


def test_the_planner_waits_for_whoever_works(clock: VirtualClock, tmp_path: Path) -> None:
    """A switch begins when the leases on what it unloads are back, after a snapshot."""

    async def test(home: House, scheduler: Scheduler) -> None:
        coding = asyncio.create_task(home.work(scheduler, CODER, "a", 120))
        await clock.sleep(30)
        waited = await home.work(scheduler, PLANNER, "b", 60)
        assert coding.done()
        assert 90 + 52 < waited < 200
        assert [switch.outgoing for switch in home.switches] == [(CODER.name,)]
        assert home.switches[0].jobs == ("a", "b")

    in_house(clock, tmp_path, test)


def test_the_planner_leaves_when_its_work_is_done(clock: VirtualClock, tmp_path: Path) -> None:
    """A model that is not to stay is unloaded, after a moment for its job to come back."""

    async def test(home: House, scheduler: Scheduler) -> None:
        await home.work(scheduler, PLANNER, "a")
        await home.work(scheduler, PLANNER, "a")
        assert [event.what for event in home.node.events] == ["load", "loaded"]
        await clock.sleep(60)
        assert home.node.used_gb == 0

    in_house(clock, tmp_path, test)


def test_planner_jobs_of_all_issues_share_a_switch(clock: VirtualClock, tmp_path: Path) -> None:
    """Three issues plan in turn before the residents come back."""

    async def test(home: House, scheduler: Scheduler) -> None:
        async def issue(name: str, delay: float) -> None:
            await clock.sleep(delay)
            await home.work(scheduler, CODER, name, 40)
            await home.work(scheduler, PLANNER, name, 60)
            await home.work(scheduler, CODER, name, 40)

        await asyncio.gather(
            *(issue(name, delay) for name, delay in zip("abc", (0, 5, 9), strict=True))
        )
        assert home.node.switches == 2

    in_house(clock, tmp_path, test)


def test_nobody_waits_for_ever(clock: VirtualClock, tmp_path: Path) -> None:
    """Under a steady stream of work for one model another is served within the bound."""

    async def test(home: House, scheduler: Scheduler) -> None:
        async def stream(name: str) -> None:
            while True:
                await home.work(scheduler, CODER, name, 20)

        streams = [asyncio.create_task(stream(name)) for name in "abcd"]
        await clock.sleep(100)
        waited = await home.work(scheduler, PLANNER, "planner", 30)
        again = await home.work(scheduler, PLANNER, "planner", 30)
        for task in streams:
            task.cancel()
        await asyncio.gather(*streams, return_exceptions=True)
        assert 300 <= waited < 300 + 5 * 20 + 52 + 10
        assert again < 5

    in_house(clock, tmp_path, test)


def test_a_person_goes_first(clock: VirtualClock, tmp_path: Path) -> None:
    """Interactive work overtakes a queue of batch work, also one that needs another model."""

    async def test(home: House, scheduler: Scheduler) -> None:
        queue = [asyncio.create_task(home.work(scheduler, PLANNER, f"p{i}", 60)) for i in range(5)]
        await clock.sleep(70)
        waited = await home.work(scheduler, SMALL, "person", 5, Priority.INTERACTIVE)
        await asyncio.gather(*queue)
        assert home.order.index("person") == 1
        assert waited < 60 + 10
        same = [asyncio.create_task(home.work(scheduler, PLANNER, f"q{i}", 60)) for i in range(3)]
        await clock.sleep(1)
        await home.work(scheduler, PLANNER, "other", 5, Priority.INTERACTIVE)
        await asyncio.gather(*same)
        assert home.order.index("other") < home.order.index("q1")

    in_house(clock, tmp_path, test)


def test_a_cancelled_waiter_leaves_the_queue(clock: VirtualClock, tmp_path: Path) -> None:
    """Nobody waits behind somebody who has left, and no trace of it stays."""

    async def test(home: House, scheduler: Scheduler) -> None:
        holder = asyncio.create_task(home.work(scheduler, CODER, "a", 100))
        await clock.sleep(30)
        leaving = asyncio.create_task(home.work(scheduler, CODER, "b"))
        await clock.sleep(10)
        assert await scheduler.position("b") is not None
        leaving.cancel()
        await asyncio.gather(leaving, return_exceptions=True)
        assert await scheduler.position("b") is None
        await asyncio.gather(holder, home.work(scheduler, CODER, "c"))
        assert home.order == ["a", "c"]

    in_house(clock, tmp_path, test)


def test_nothing_is_kept_for_a_job_that_is_over(clock: VirtualClock, tmp_path: Path) -> None:
    """A model lingers for a job that may be back, and leaves at once after one that is over."""

    async def test(home: House, scheduler: Scheduler) -> None:
        await home.work(scheduler, CODER, "a")
        lingered = await home.work(scheduler, PLANNER, "b")
        scheduler.forget("b")
        await home.work(scheduler, CODER, "c")
        scheduler.forget("c")
        at_once = await home.work(scheduler, PLANNER, "d")
        assert lingered - at_once == pytest.approx(PATIENT.linger_seconds, abs=1)

    in_house(clock, tmp_path, test)


def test_a_cancelled_holder_gives_its_lease_back(clock: VirtualClock, tmp_path: Path) -> None:
    """The next one begins at once, and nothing is left in the table but what lingers."""

    async def test(home: House, scheduler: Scheduler) -> None:
        holder = asyncio.create_task(home.work(scheduler, CODER, "a", 1000))
        await clock.sleep(30)
        holder.cancel()
        await asyncio.gather(holder, return_exceptions=True)
        assert await home.work(scheduler, CODER, "b") == 0
        assert clock() - START < 100

    in_house(clock, tmp_path, test)


def test_a_waiter_cancelled_in_a_switch_leaves_it_whole(
    clock: VirtualClock, tmp_path: Path
) -> None:
    """A switch goes on when the job it was begun for is gone; the next job finds its result."""

    async def test(home: House, scheduler: Scheduler) -> None:
        leaving = asyncio.create_task(home.work(scheduler, PLANNER, "a"))
        await clock.sleep(20)
        leaving.cancel()
        await asyncio.gather(leaving, return_exceptions=True)
        assert await home.work(scheduler, PLANNER, "b") == pytest.approx(32, abs=2)
        assert [event.what for event in home.node.events] == ["load", "loaded"]

    in_house(clock, tmp_path, test)


def test_refusals_reach_who_waits(clock: VirtualClock, tmp_path: Path) -> None:
    """A model that is missing, broken or too large is an error for its waiters, not a wait."""

    async def test(home: House, scheduler: Scheduler) -> None:
        del home.node.models[REVIEWER.name]
        with pytest.raises(ModelMissing):
            await home.work(scheduler, REVIEWER, "a")
        home.node.broken.add(CODER.name)
        with pytest.raises(ModelUnavailable, match="terminated"):
            await home.work(scheduler, CODER, "b")
        large = PLANNER.model_copy(update={"size_gb": 60})
        with pytest.raises(ModelError, match=r"60\.0 GB"):
            await home.work(scheduler, large, "c")
        assert await home.work(scheduler, SMALL, "d") == pytest.approx(5, abs=1)

    in_house(clock, tmp_path, test)


def test_a_snapshot_that_fails_stops_the_switch(clock: VirtualClock, tmp_path: Path) -> None:
    """Nothing is unloaded without a snapshot; the job hears why."""

    async def run() -> None:
        async with house(clock, tmp_path) as home:

            async def fail(plan: SwitchPlan) -> None:
                if plan.leaving:
                    raise OSError("disk full")

            scheduler = Scheduler(
                home.store.leases,
                home.profile,
                clock=clock,
                sleep=clock.sleep,
                before_switch=fail,
                controls=home.controls,
            )
            background = asyncio.create_task(scheduler.run())
            await home.work(scheduler, CODER, "a", 1)
            await clock.sleep(30)
            with pytest.raises(ModelUnavailable, match="the log has the cause"):
                await home.work(scheduler, PLANNER, "b")
            assert [event.what for event in home.node.events] == ["load", "loaded"]
            await scheduler.aclose()
            background.cancel()

    clock.run(run())


def test_what_others_have_loaded_counts(clock: VirtualClock, tmp_path: Path) -> None:
    """A stranger's model stays while it is used or not in the way; idle, it makes room."""

    async def test(home: House, scheduler: Scheduler) -> None:
        stranger = await home.node.take(REVIEWER.name, context=4096, keep_alive=7200)
        await home.node.give_back(stranger)
        await home.work(scheduler, CODER, "a")
        assert full(home) == {CODER.name, REVIEWER.name}
        await home.work(scheduler, PLANNER, "b")
        assert full(home) == {PLANNER.name}
        assert clock() - START > 60

    in_house(clock, tmp_path, test)


def test_a_lost_node_is_told_to_who_waits(clock: VirtualClock, tmp_path: Path) -> None:
    """Whoever waits or works hears that the node is away; when it is back, work goes on."""

    async def test(home: House, scheduler: Scheduler) -> None:
        working = asyncio.create_task(home.work(scheduler, CODER, "a", 500))
        await clock.sleep(50)
        waiting = asyncio.create_task(home.work(scheduler, PLANNER, "b"))
        await clock.sleep(10)
        await home.node.vanish(forgets=True)
        ends = await asyncio.gather(working, waiting, return_exceptions=True)
        assert [type(end) for end in ends] == [ModelUnavailable, NodeUnreachable]
        with pytest.raises(ModelUnavailable):
            await home.work(scheduler, CODER, "c")
        await home.node.come_back()
        assert await home.work(scheduler, CODER, "d") < 40

    in_house(clock, tmp_path, test)


def test_people_see_who_works_and_who_waits(clock: VirtualClock, tmp_path: Path) -> None:
    """Roles are BUSY or IDLE; a place in the queue has its reason and an expected wait."""

    async def test(home: House, scheduler: Scheduler) -> None:
        coding = asyncio.create_task(home.work(scheduler, CODER, "o/r#1.1", 100))
        await clock.sleep(25)
        planning = asyncio.create_task(home.work(scheduler, PLANNER, "o/r#2.1", 30))
        await clock.sleep(5)
        (mini,) = await scheduler.status()
        busy = {role.agent: (role.status, role.job) for role in mini.roles}
        assert busy["Dev1_Senior"] == ("BUSY", "o/r#1.1")
        assert busy["Planner"] == ("IDLE", None)
        assert [loaded.name for loaded in mini.loaded] == [CODER.name]
        assert mini.used_gb == 20
        place = await scheduler.position("o/r#2.1")
        assert place is not None
        assert (place.position, place.reason, place.waits_for) == (1, Reason.ROOM, (CODER.name,))
        assert 50 < place.expected_seconds < 200
        assert place.waited_seconds == pytest.approx(5, abs=1)
        await coding
        await clock.sleep(25)
        (mini,) = await scheduler.status()
        assert mini.switch is not None
        assert mini.switch.incoming == PLANNER.name
        await planning

    in_house(clock, tmp_path, test)


def full(home: House) -> set[str]:
    """Return what is loaded."""
    return {runner.spec.name for runner in home.node.loaded.values()}
