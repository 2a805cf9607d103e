"""The scheduler as its callers see it: leases, places in the queue, the state of the nodes."""

import asyncio
import contextlib
import logging
import time
from collections.abc import AsyncIterator, Callable, Sequence
from uuid import uuid4

from sqlalchemy.ext.asyncio import AsyncEngine

from shared.errors import ModelError
from shared.ollama.client import place
from shared.profiles import ModelSpec, Node, Profile
from shared.scheduler import forecast
from shared.scheduler.control import NodeControl, OllamaControl, at_work
from shared.scheduler.desk import BeforeSwitch, Clock, Desk, Sleep, Surroundings
from shared.scheduler.places import Place
from shared.scheduler.state import AskState
from shared.scheduler.table import LeaseTable, Turn
from shared.scheduler.values import Lease, NodeStatus, Policy, Priority, Waiting
from shared.store.lease_tables import LeaseRow

log = logging.getLogger(__name__)

Controls = Callable[[Node, Sequence[ModelSpec]], NodeControl]


class Scheduler:
    """Who may use which model now. `run` has to be running while leases are asked for."""

    def __init__(  # noqa: PLR0913  all but two have their defaults
        self,
        engine: AsyncEngine,
        profile: Profile,
        *,
        clock: Clock = time.time,
        sleep: Sleep = asyncio.sleep,
        before_switch: BeforeSwitch | None = None,
        holder: str = "gateway",
        policy: Policy | None = None,
        controls: Controls = OllamaControl,
    ) -> None:
        self._table = LeaseTable(engine)
        self._profile = profile
        self._clock = clock
        self._policy = policy or Policy()
        self._holder = f"{holder}:{uuid4().hex[:8]}"
        around = Surroundings(self._table, self._policy, clock, sleep, before_switch)
        self._desks = {
            node.name: Desk(node, models, controls(node, models), around)
            for node in profile.nodes
            for models in (profile.on(node.name),)
        }

    @contextlib.asynccontextmanager
    async def lease(
        self, model: ModelSpec, *, job: str, role: str, priority: Priority = Priority.BATCH
    ) -> AsyncIterator[Lease]:
        """Wait for a model, and keep it while the context is open.

        Raises ModelUnavailable when the node does not answer or the lease is lost, ModelMissing,
        or ModelError when the model can never be loaded there.
        """
        desk = self._desk(model)
        row = self._row(model, job, role, priority)
        mine = Place(row, asyncio.get_running_loop().create_future())

        async def enter(turn: Turn, now: float) -> None:
            row.beat_at = now
            turn.add(row)
            desk.places[row.id] = mine

        try:
            await desk.turn(enter)
            await mine.granted
            async with mine.unless_lost(desk.node):
                yield self._lease(row, model)
        finally:
            await _give_back(desk, mine)

    async def position(self, job: str) -> Waiting | None:
        """Return a job's place in the queue; None when it does not wait."""
        rows = await self._table.rows(job)
        if not rows or rows[0].node not in self._desks:
            return None
        described = await self._describe(self._desks[rows[0].node])
        return next((waiting for waiting in described.queue if waiting.job == job), None)

    async def status(self) -> tuple[NodeStatus, ...]:
        """Describe all nodes as they were seen last."""
        return tuple([await self._describe(desk) for desk in self._desks.values()])

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
            id=uuid4().hex,
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

    async def _describe(self, desk: Desk) -> NodeStatus:
        turn = await self._table.look(desk.node.name)
        state = turn.state(desk.node, desk.models, self._policy, self._clock())
        return forecast.status(self._profile, desk.node, state, turn.node.means, turn.node.seen_at)


async def _give_back(desk: Desk, mine: Place) -> None:
    """End a request or a lease, also for who was cancelled."""
    mine.leave()

    async def end(turn: Turn, now: float) -> None:
        desk.places.pop(mine.row.id, None)
        await turn.end(mine.row.id, now)

    try:
        await desk.turn(end)
    except ModelError as error:
        log.info("%s", error)  # the node is away; the lease is back all the same
