"""The scheduler as its callers see it: leases, places in the queue, the state of the nodes."""

import asyncio
import contextlib
import itertools
import time
from collections.abc import AsyncIterator, Callable, Collection, Mapping, Sequence
from uuid import uuid4

from sqlalchemy import Engine

from shared.errors import ModelError
from shared.ollama.client import place
from shared.profiles import ModelSpec, Node, Profile
from shared.scheduler import forecast
from shared.scheduler.control import NodeControl, OllamaControl, at_work
from shared.scheduler.decide import at_hand
from shared.scheduler.desk import (
    AfterSwitch,
    BeforeSwitch,
    Clock,
    Desk,
    Sleep,
    Surroundings,
)
from shared.scheduler.request import Request
from shared.scheduler.state import AskState
from shared.scheduler.table import LeaseTable, Turn
from shared.scheduler.values import (
    Activity,
    Lease,
    NodeState,
    NodeStatus,
    Place,
    Policy,
    Priority,
    SwitchPlan,
)
from shared.store.lease_tables import LeaseRow

Controls = Callable[[Node, Sequence[ModelSpec]], NodeControl]


class Scheduler:
    """Who may use which model now. `run` has to be running while leases are asked for.

    `before_switch` is awaited before each switch of this process; if it raises, the switch is not
    made. `after_switch` gets what the node showed afterwards. `leases` is the database of the lease
    table, `Store.leases`.
    """

    def __init__(  # noqa: PLR0913  all but two have their defaults
        self,
        leases: Engine,
        profile: Profile,
        *,
        clock: Clock = time.time,
        sleep: Sleep = asyncio.sleep,
        before_switch: BeforeSwitch | None = None,
        after_switch: AfterSwitch | None = None,
        holder: str = "gateway",
        policy: Policy | None = None,
        controls: Controls = OllamaControl,
    ) -> None:
        self._table = LeaseTable(leases)
        self._profile = profile
        self._clock, self._sleep = clock, sleep
        self._policy = policy or Policy()
        self._numbers = itertools.count()
        self._holder = f"{holder}:{uuid4().hex[:8]}"
        around = Surroundings(self._table, self._policy, clock, sleep, before_switch, after_switch)
        self._desks = {
            node.name: Desk(node, models, controls(node, models), around)
            for node in profile.nodes
            for models in (profile.on(node.name),)
        }

    @contextlib.asynccontextmanager
    async def lease(
        self,
        model: ModelSpec,
        *,
        job: str,
        role: str,
        priority: Priority = Priority.BATCH,
        unload_after: bool = False,
    ) -> AsyncIterator[Lease]:
        """Wait for a model, and keep it while the context is open.

        `unload_after`: the job will not be back, so a model that is not meant to stay leaves as
        soon as nobody else wants it. Models that are meant to stay do, whatever it says.
        A person may get another model than was asked for, if the profile names one `meanwhile`.
        Raises NodeUnreachable when the node does not answer, ModelUnavailable when the switch fails
        or the lease is lost, ModelMissing, or ModelError when the model can never be loaded there.
        """
        desk = self._desk(model)
        row = self._row(model, job, role, priority)
        row.unload_after = unload_after
        mine = Request(row, asyncio.get_running_loop().create_future())

        def enter(turn: Turn, now: float) -> None:
            if priority is Priority.INTERACTIVE and model.meanwhile:
                state = turn.state(desk.node, desk.models, self._policy, now)
                row.model = at_hand(state, model).name
            row.beat_at = now
            turn.add(row)
            desk.requests[row.id] = mine

        error: ModelError | None = None
        try:
            await desk.turn(enter)
            await mine.granted
            async with mine.unless_lost(desk.node):
                yield self._lease(row, model if row.model == model.name else desk.spec(row.model))
        except ModelError as failed:
            error = failed
            raise
        finally:
            await _give_back(desk, mine, is_doubtful=error is not None)

    def forget(self, job: str) -> None:
        """Let go of a job that is over, or rests: no model is kept, nobody held back for it."""

        def drop(turn: Turn, _now: float) -> None:
            for row in tuple(turn.rows.values()):
                if row.job == job and row.state == AskState.ENDED:
                    turn.drop(row)

        for desk in self._desks.values():
            desk.turn_soon(drop)

    async def places(self, jobs: Collection[str]) -> Mapping[str, Place]:
        """Return the places of those jobs that wait; its soonest for a job that waits twice."""
        wanted = set(jobs)
        found = {}
        for node in (await self.status()) if wanted else ():
            for waiting in reversed(node.queue):
                if waiting.job in wanted:
                    found[waiting.job] = waiting
        return found

    async def position(self, job: str) -> Place | None:
        """Return a job's place in the queue; None when it does not wait."""
        return (await self.places([job])).get(job)

    async def activity(self) -> tuple[Activity, ...]:
        """Return what each role does on its node: BUSY or IDLE, and since when."""
        return tuple([role for node in await self.status() for role in node.roles])

    async def foresee(self, model: ModelSpec) -> SwitchPlan:
        """Tell what loading a model would do now, as the node was seen last."""
        desk = self._desk(model)
        turn = await self._table.look(desk.node.name)
        state = turn.state(desk.node, desk.models, self._policy, self._clock())
        return forecast.foresee(state, turn.node.means, model)

    def node_state(self, node: str) -> NodeState:
        """Tell whether a node answered this process, or since when it has not."""
        return self._desks[node].seen

    async def reachable(self, node: str, within_seconds: float) -> bool:
        """Wait until a node answers, and not for longer than that; tell whether it does."""
        desk, until = self._desks[node], self._clock() + within_seconds
        while True:
            if await desk.answers():
                return True
            if self._clock() >= until:
                return False
            await self._sleep(min(self._policy.poll_seconds, max(0.0, until - self._clock())))

    async def status(self) -> tuple[NodeStatus, ...]:
        """Describe all nodes as they were seen last."""
        for desk in self._desks.values():
            await desk.settle()
        turns = await self._table.look_at_all(self._desks)
        now = self._clock()
        states = {
            name: turns[name].state(desk.node, desk.models, self._policy, now)
            for name, desk in self._desks.items()
        }
        return tuple(
            forecast.status(self._profile, desk.node, states[name], turns[name].node)
            for name, desk in self._desks.items()
        )

    async def run(self) -> None:
        """Keep this process's leases alive, free those of crashed ones, and do what is due."""
        async with asyncio.TaskGroup() as group:
            for desk in self._desks.values():
                group.create_task(desk.run())

    async def aclose(self) -> None:
        """End this process's switches; others may go on from there at once."""
        await asyncio.gather(*(desk.close() for desk in self._desks.values()))

    def _desk(self, model: ModelSpec) -> Desk:
        desk = self._desks[model.node]
        if model.memory_gb > desk.node.memory_gb:
            raise ModelError(
                f"{model.name} needs {model.memory_gb:.1f} GB and {place(desk.node)} has a budget "
                f"of {desk.node.memory_gb:g} GB. Lower num_ctx or choose a smaller model."
            )
        return desk

    def _row(self, model: ModelSpec, job: str, role: str, priority: Priority) -> LeaseRow:
        now = self._clock()
        return LeaseRow(
            id=f"{next(self._numbers):08x}{uuid4().hex}",  # of one moment, the first goes first
            node=model.node,
            model=model.name,
            job=job,
            role=role,
            priority=priority,
            holder=self._holder,
            state=AskState.WAITING,
            asked_at=now,
            beat_at=now,
        )

    def _lease(self, row: LeaseRow, model: ModelSpec) -> Lease:
        return Lease(
            id=row.id,
            node=row.node,
            model=at_work(model),
            job=row.job,
            role=row.role,
            priority=Priority(row.priority),
            waited_seconds=self._clock() - row.asked_at,
        )


async def _give_back(desk: Desk, mine: Request, *, is_doubtful: bool) -> None:
    """End a request or a lease, also for who was cancelled; after a failure look at the node."""
    is_held = mine.is_held
    mine.leave()

    def end(turn: Turn, now: float) -> None:
        desk.requests.pop(mine.row.id, None)
        turn.end(mine.row.id, now)
        if is_doubtful:
            turn.doubt()

    if is_held:
        desk.turn_soon(end)  # a process that dies before is noticed by its heartbeats
    else:
        await desk.turn(end, looks=False)
