"""Whatever comes, in whatever order: the promises about memory and leases hold."""

import asyncio
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import event

from shared.errors import ModelUnavailable
from shared.scheduler import Policy, Priority, Scheduler
from shared.scheduler.control import NodeControl
from shared.store import Store
from tests.ollama_double.clock import START, VirtualClock
from tests.scheduler.house import MODELS, PLANNER, DirectControl, House, house

POLICY = Policy(patience_seconds=200, ageing_seconds=600, poll_seconds=10, beat_seconds=15)
SWITCH = 2 + 52  # seconds for the largest model
RETRIES = 20
PAUSE = 30.0


@dataclass(frozen=True)
class Job:
    """A call of a process: when, for what, for how long, and when its caller gives up."""

    at: int
    model: int
    seconds: int
    priority: Priority
    process: int
    gives_up: int | None
    unload_after: bool


@dataclass(frozen=True)
class Story:
    """What happens to a house."""

    jobs: tuple[Job, ...]
    crash_at: int | None
    away_at: int | None
    away_for: int
    forgets: bool


JOBS = st.builds(
    Job,
    at=st.integers(0, 400),
    model=st.integers(0, len(MODELS) - 1),
    seconds=st.integers(1, 90),
    priority=st.sampled_from(Priority),
    process=st.integers(0, 1),
    gives_up=st.none() | st.integers(1, 200),
    unload_after=st.booleans(),
)
STORIES = st.builds(
    Story,
    jobs=st.lists(JOBS, min_size=1, max_size=12).map(tuple),
    crash_at=st.none() | st.integers(10, 500),
    away_at=st.none() | st.integers(10, 500),
    away_for=st.integers(1, 120),
    forgets=st.booleans(),
)


class Process:
    """A process of its own on the shared database, which can be killed."""

    def __init__(self, home: House, folder: Path, name: str) -> None:
        self.is_dead = False
        self.home = home
        self.store = Store.open(folder / "baton.db")
        home.clock.hold_for(self.store.engine)
        event.listen(self.store.engine.sync_engine, "begin", self._refuse_the_dead)
        self.scheduler = Scheduler(
            self.store.engine,
            home.profile,
            clock=home.clock,
            sleep=home.clock.sleep,
            before_switch=self._before,
            holder=name,
            policy=POLICY,
            controls=lambda *_: self._control(),
        )
        self.tasks = {asyncio.create_task(self.scheduler.run())}

    async def kill(self) -> None:
        """End everything at once: nothing reaches the database or the node any more."""
        self.is_dead = True
        for task in self.tasks:
            task.cancel()
        await asyncio.gather(*self.tasks, return_exceptions=True)
        await self.scheduler.aclose()

    async def close(self) -> None:
        """End in good order."""
        await self.kill()
        await self.store.close()

    async def do(self, job: Job) -> float | None:
        """Do a job as often as it takes; None when its caller gave up or the process died."""
        await self.home.clock.sleep(job.at)
        model = MODELS[job.model]
        name = f"{model.name}@{job.at}"
        for _ in range(RETRIES):
            if self.is_dead:
                return None
            try:
                return await self.home.work(
                    self.scheduler,
                    model,
                    name,
                    float(job.seconds),
                    job.priority,
                    unload_after=job.unload_after,
                )
            except ModelUnavailable:
                await self.home.clock.sleep(PAUSE)
        raise AssertionError(f"{name} never got its turn")

    async def _before(self, _: object) -> None:
        self.home.measure()

    def _control(self) -> NodeControl:
        return DirectControl(self.home.node)

    def _refuse_the_dead(self, _: object) -> None:
        if self.is_dead:
            raise ConnectionError("this process is dead")


async def play(story: Story, clock: VirtualClock, folder: Path) -> None:
    """Let a story happen and check what must hold in it."""
    async with house(clock, folder) as home:
        processes = [Process(home, folder, name) for name in ("gateway", "worker")]
        try:
            await _tell(story, home, processes)
        finally:
            for process in processes:
                await process.close()


async def _tell(story: Story, home: House, processes: Sequence[Process]) -> None:
    clock = home.clock
    tasks = [_begin(clock, processes[job.process], job) for job in story.jobs]
    happenings = asyncio.gather(_crash(story, clock, processes[1]), _outage(story, clock, home))
    waits = await _all(clock, tasks, story)
    await happenings
    await clock.sleep(2 * POLICY.expiry_seconds + POLICY.linger_seconds + SWITCH)
    assert home.faults == []
    (mini,) = await processes[0].scheduler.status()
    assert mini.queue == ()
    assert [role.job for role in mini.roles if role.job] == []
    assert max(waits, default=0.0) <= _longest(story)
    if story.crash_at is None and story.away_at is None:
        assert PLANNER.name not in home.node.loaded, "the planner stays without work"
        assert home.node.switches <= _most_switches(story)


def _begin(clock: VirtualClock, process: Process, job: Job) -> "asyncio.Task[float | None]":
    work = asyncio.create_task(process.do(job))
    process.tasks.add(work)  # type: ignore[arg-type]  # tasks of any kind are killed alike

    async def until_it_gives_up() -> float | None:
        if job.gives_up is not None:
            giving_up = asyncio.create_task(clock.sleep(job.at + job.gives_up))
            await asyncio.wait({work, giving_up}, return_when=asyncio.FIRST_COMPLETED)
            giving_up.cancel()
            work.cancel()
        (end,) = await asyncio.gather(work, return_exceptions=True)
        if isinstance(end, AssertionError):
            raise end
        return None if isinstance(end, BaseException) else end

    return asyncio.create_task(until_it_gives_up())


async def _all(
    clock: VirtualClock, tasks: "Sequence[asyncio.Task[float | None]]", story: Story
) -> list[float]:
    """Wait until all jobs have ended, and not for ever."""
    late = asyncio.create_task(clock.sleep(500 + RETRIES * (PAUSE + _longest(story))))
    every = asyncio.gather(*tasks)
    either: set[asyncio.Future[Any]] = {late, every}
    await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
    assert every.done(), "a job does not end"
    late.cancel()
    return [wait for wait in every.result() if wait is not None]


async def _crash(story: Story, clock: VirtualClock, process: Process) -> None:
    if story.crash_at is not None:
        await clock.sleep(story.crash_at)
        await process.kill()


async def _outage(story: Story, clock: VirtualClock, home: House) -> None:
    if story.away_at is not None:
        await clock.sleep(story.away_at)
        await home.node.vanish(forgets=story.forgets)
        await clock.sleep(story.away_for)
        await home.node.come_back()


def _longest(story: Story) -> float:
    """Return the bound on a wait: all work there is, each model's stay once, and what failed."""
    work = sum(job.seconds for job in story.jobs)
    troubles = POLICY.expiry_seconds + POLICY.unload_seconds if story.crash_at is not None else 0
    stays = 2 * POLICY.patience_seconds + 2 * POLICY.linger_seconds
    return work + stays + troubles + (len(story.jobs) + 2) * SWITCH


def _most_switches(story: Story) -> int:
    """Return the bound on switches: there and back for each planner job, if none is batched."""
    return 2 * sum(MODELS[job.model] == PLANNER for job in story.jobs) + 1


@given(STORIES)
@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_the_promises_hold_in_every_story(story: Story) -> None:
    """No busy model leaves, the budget holds, everybody is served in time, every lease ends."""
    clock = VirtualClock(START)
    with tempfile.TemporaryDirectory() as folder:
        clock.run(play(story, clock, Path(folder)))
