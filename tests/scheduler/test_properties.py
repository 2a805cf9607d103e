"""Whatever comes, in whatever order: the promises about memory and leases hold."""

import asyncio
import contextlib
import tempfile
from dataclasses import dataclass, field
from pathlib import Path

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from sqlalchemy import event

from shared.errors import ModelUnavailable
from shared.profiles import ModelSpec
from shared.scheduler import Policy, Priority, Scheduler, SwitchPlan
from shared.scheduler.control import NodeControl
from shared.store import Store
from tests.ollama_double.clock import START, VirtualClock
from tests.scheduler.house import (
    CODER,
    PLANNER,
    REVIEWER,
    SMALL,
    DirectControl,
    House,
    house,
    open_store,
)

POLICY = Policy(
    patience_seconds=200,
    ageing_seconds=600,
    gather_seconds=60,
    active_seconds=30,
    poll_seconds=20,
    beat_seconds=15,
)
ASKED = (
    SMALL.model_copy(update={"meanwhile": (REVIEWER.name, PLANNER.name)}),
    CODER.model_copy(update={"meanwhile": (PLANNER.name,)}),
    REVIEWER,
    PLANNER,
)
SWITCH = 2 + 52  # seconds for the largest model
PAUSE = 30.0


@dataclass(eq=False)
class Job:
    """A call of a process, and how long it waited; it asks again after a failure."""

    name: str
    model: ModelSpec
    seconds: int
    priority: Priority
    unload_after: bool
    waited: float | None = None


@dataclass(eq=False)
class Process:
    """A process of its own on the shared database, which can be killed."""

    home: House
    store: Store
    name: str
    is_dead: bool = False
    tasks: "dict[Job, asyncio.Task[None]]" = field(default_factory=dict)

    def __post_init__(self) -> None:
        event.listen(self.store.leases, "begin", self._refuse_the_dead)
        self.scheduler = Scheduler(
            self.store.leases,
            self.home.profile,
            clock=self.home.clock,
            sleep=self.home.clock.sleep,
            before_switch=self._before,
            holder=self.name,
            policy=POLICY,
            controls=lambda *_: self._control(),
        )
        self._background = asyncio.create_task(self.scheduler.run())

    async def kill(self) -> None:
        """End everything at once: nothing reaches the database or the node any more."""
        self.is_dead = True
        await end(self._background, *self.tasks.values())
        await self.scheduler.aclose()
        await self.store.close()

    def begin(self, job: Job) -> None:
        """Do a job as often as it takes."""
        self.tasks[job] = asyncio.create_task(self._do(job))

    async def _do(self, job: Job) -> None:
        while not self.is_dead:
            with contextlib.suppress(ModelUnavailable):
                job.waited = await self.home.work(
                    self.scheduler,
                    job.model,
                    job.name,
                    float(job.seconds),
                    job.priority,
                    unload_after=job.unload_after,
                )
                return
            await self.home.clock.sleep(PAUSE)

    async def _before(self, switch: SwitchPlan) -> None:
        self.home.begin(switch)
        self.home.measure()

    def _control(self) -> NodeControl:
        return DirectControl(self.home.node)

    def _refuse_the_dead(self, _: object) -> None:
        if self.is_dead:
            raise ConnectionError("this process is dead")


async def end(*tasks: "asyncio.Task[None]") -> None:
    """Cancel tasks and wait until they have ended."""
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


class Room(RuleBasedStateMachine):
    """Two processes share a node: jobs come and give up, processes crash, the node goes away.

    At every step no model in use leaves and the budget holds; in the end everybody has been served,
    in time unless something failed, and every lease has ended.
    """

    def __init__(self) -> None:
        super().__init__()
        self.clock = VirtualClock(START)
        self.runner = self.clock.runner()
        self.folder = tempfile.TemporaryDirectory()
        self.closing = contextlib.AsyncExitStack()
        self.jobs: list[tuple[Process, Job]] = []

    @initialize(is_calm=st.booleans())
    def open(self, *, is_calm: bool) -> None:
        """Start the node and both processes; on calm days nothing fails."""
        self.is_calm = is_calm

        async def work() -> None:
            home = house(self.clock, Path(self.folder.name))
            self.home = await self.closing.enter_async_context(home)
            self.processes = [self._process(name) for name in ("gateway", "worker")]

        self.runner.run(work())

    @rule(
        process=st.integers(0, 1),
        model=st.sampled_from(ASKED),
        seconds=st.integers(1, 90),
        priority=st.sampled_from(Priority),
        unload_after=st.booleans(),
    )
    def arrive(
        self,
        process: int,
        model: ModelSpec,
        seconds: int,
        priority: Priority,
        *,
        unload_after: bool,
    ) -> None:
        """A job comes and asks for its model."""
        job = Job(f"job {len(self.jobs)}", model, seconds, priority, unload_after)
        self.jobs.append((self.processes[process], job))
        self._pass(1, begin=(self.processes[process], job))

    @rule(seconds=st.sampled_from((5, 20, 60, 150)))
    def time_passes(self, seconds: int) -> None:
        """Calls, loads and switches go on."""
        self._pass(seconds)

    @precondition(lambda self: self.jobs)
    @rule(number=st.integers(0, 99))
    def give_up(self, number: int) -> None:
        """A job's caller goes away, whether it waits or works."""
        process, job = self.jobs[number % len(self.jobs)]
        self.runner.run(end(process.tasks[job]))

    @precondition(lambda self: not self.is_calm and self._going_on())
    @rule(number=st.integers(0, 99))
    def crash(self, number: int) -> None:
        """A process dies in the midst of a job, and another one comes in its place."""
        going_on = self._going_on()
        dying = going_on[number % len(going_on)]
        place = self.processes.index(dying)

        async def work() -> None:
            await dying.kill()
            self.processes[place] = self._process("next")

        self.runner.run(work())

    @precondition(lambda self: self.home.node.is_up and not self.is_calm)
    @rule(forgets=st.booleans())
    def lose_the_node(self, *, forgets: bool) -> None:
        """The node sleeps, or restarts and has forgotten its models."""
        self.runner.run(self.home.node.vanish(forgets=forgets))

    @precondition(lambda self: not self.home.node.is_up)
    @rule()
    def find_the_node(self) -> None:
        """The node answers again."""
        self.runner.run(self.home.node.come_back())

    @invariant()
    def nothing_in_use_leaves_and_the_budget_holds(self) -> None:
        """The house has seen no fault, and each model serves one at a time."""
        self.home.measure()
        assert self.home.faults == []
        assert max(self.home.held.values(), default=0) <= POLICY.parallel

    def teardown(self) -> None:
        """Let everything end, and check that it does."""
        try:
            if hasattr(self, "processes"):
                self.runner.run(self._finish())
        finally:
            self.runner.run(self.closing.aclose())
            self.runner.close()
            self.folder.cleanup()

    def _going_on(self) -> list[Process]:
        """Return the process of each job that has not ended."""
        return [process for process, job in self.jobs if not process.tasks[job].done()]

    def _process(self, name: str) -> Process:
        return Process(self.home, open_store(Path(self.folder.name)), name)

    def _pass(self, seconds: float, begin: tuple[Process, Job] | None = None) -> None:
        async def work() -> None:
            if begin is not None:
                begin[0].begin(begin[1])
            await self.clock.sleep(seconds)

        self.runner.run(work())

    async def _finish(self) -> None:
        try:
            if not self.home.node.is_up:
                await self.home.node.come_back()
            late = asyncio.create_task(self.clock.sleep(self._longest_wait()))
            for process, job in self.jobs:
                await asyncio.wait({process.tasks[job], late}, return_when=asyncio.FIRST_COMPLETED)
                assert process.tasks[job].done(), "a job does not end"
            late.cancel()
            await self.clock.sleep(2 * POLICY.expiry_seconds + POLICY.linger_seconds + SWITCH)
            self.nothing_in_use_leaves_and_the_budget_holds()
            (mini,) = await self.processes[0].scheduler.status()
            assert mini.queue == ()
            assert [role.job for role in mini.roles if role.job] == []
            if self.is_calm:
                self._check_good_days()
        finally:
            for process in self.processes:
                await process.kill()

    def _check_good_days(self) -> None:
        """Check what holds as long as nothing fails."""
        waits = [job.waited for _, job in self.jobs if job.waited is not None]
        assert max(waits, default=0.0) <= self._longest_wait()
        assert PLANNER.name not in self.home.node.loaded, "the planner stays without work"
        planned = sum(job.model == PLANNER for _, job in self.jobs)
        people = sum(job.priority is Priority.INTERACTIVE for _, job in self.jobs)
        # There and back for each planner job, if none is batched; a load may give way to a person.
        assert self.home.node.switches <= 2 * planned + people + 1

    def _longest_wait(self) -> float:
        """Return the bound on a wait: all work, each model's stay, and what failed before."""
        work = sum(job.seconds for _, job in self.jobs)
        stays = 2 * POLICY.patience_seconds + 2 * POLICY.linger_seconds + POLICY.gather_seconds
        troubles = PAUSE + POLICY.expiry_seconds + POLICY.unload_seconds if not self.is_calm else 0
        return work + stays + troubles + (2 * len(self.jobs) + 2) * SWITCH


Room.TestCase.settings = settings(
    max_examples=20,
    stateful_step_count=16,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
)
TestRoom = Room.TestCase
