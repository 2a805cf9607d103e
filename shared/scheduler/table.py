"""The lease table: what all processes agree on, one transaction at a time for each node."""

import asyncio
import contextlib
import functools
from collections.abc import AsyncIterator, Callable, Collection, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from dataclasses import asdict, replace
from typing import Any, ParamSpec, TypeVar

from sqlalchemy import Engine, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session, sessionmaker
from sqlalchemy.sql.dml import ReturningUpdate
from sqlmodel import col

from shared.profiles import ModelSpec, Node
from shared.scheduler.state import Ask, AskState, Loaded, State
from shared.scheduler.values import Policy, Priority, Switch
from shared.store.lease_tables import LeaseRow, NodeRow

P = ParamSpec("P")
T = TypeVar("T")

_NEWEST = 0.3  # weight of the newest measurement in a running mean


class Turn:
    """One process's turn at a node: reads and writes in one transaction."""

    def __init__(self, session: Session, node: NodeRow, rows: Sequence[LeaseRow]) -> None:
        self._session = session
        self.node = node
        self.rows = {row.id: row for row in rows}

    @property
    def switch(self) -> Switch | None:
        """Return the switch that is going on."""
        return Switch.model_validate(self.node.switch) if self.node.switch else None

    @property
    def loaded(self) -> tuple[Loaded, ...]:
        """Return what the node showed when it was looked at last."""
        return tuple(Loaded(**seen) for seen in self.node.seen)

    def state(self, node: Node, specs: Sequence[ModelSpec], policy: Policy, now: float) -> State:
        """Return the values that a decision is made from."""
        return State(
            node=node.name,
            now=now,
            budget_gb=node.memory_gb,
            specs={spec.name: spec for spec in specs},
            loaded=self.loaded,
            asks=tuple(_ask(row) for row in self.rows.values()),
            switch=self.switch,
            tenure_since=self.node.tenure_since,
            owed=tuple(self.node.owed),
            policy=policy,
        )

    def add(self, row: LeaseRow) -> None:
        """Enter a request."""
        self._session.add(row)
        self.rows[row.id] = row

    def end(self, lease_id: str, now: float) -> None:
        """End a request; one that was held is remembered for a while, as its job may be back."""
        row = self.rows.get(lease_id)
        if row is None:
            return
        if row.held_at is None:
            self.drop(row)
            return
        for other in tuple(self.rows.values()):  # the newest end of a job's use is enough
            if other.state == AskState.ENDED and (other.job, other.model) == (row.job, row.model):
                self.drop(other)
        row.state, row.ended_at = AskState.ENDED, now
        self.node.idle = {**self.node.idle, row.role: now}
        self._measure(f"call:{row.model}", now - row.held_at)

    def drop(self, row: LeaseRow) -> None:
        """Forget a request."""
        del self.rows[row.id]
        if row in self._session.new:  # asked for in this very turn
            self._session.expunge(row)
        else:
            self._session.delete(row)

    def grant(self, lease_ids: Sequence[str], now: float) -> None:
        """Turn requests into leases; what we use counts as ours."""
        used = set()
        for lease_id in lease_ids:
            row = self.rows[lease_id]
            row.state, row.held_at, row.beat_at = AskState.HELD, now, now
            used.add(row.model)
        if used:
            self.node.seen = [
                {**seen, "ours": seen["ours"] or seen["name"] in used} for seen in self.node.seen
            ]

    def see(self, loaded: Sequence[Loaded], now: float) -> None:
        """Record what the node shows, and since when it has shown no change."""
        before = {one.name: one for one in self.loaded}
        self.node.seen = [_compared(one, before.get(one.name), now) for one in loaded]
        self.node.seen_at = now

    def begin(self, switch: Switch, switch_id: str, residents: Collection[str], now: float) -> None:
        """Take the node for a switch; the residents that leave are to come back."""
        owed = [*self.node.owed, *(model for model in switch.outgoing if model in residents)]
        self.node.owed = [model for model in dict.fromkeys(owed) if model != switch.incoming]
        self.node.switch = switch.model_dump(mode="json")
        self.node.switch_id, self.node.switch_beat_at = switch_id, now
        self.node.epoch += 1

    def note_load(self, model: str, seconds: float) -> None:
        """Record that we have loaded a model; the next look shows how it came out."""
        loaded = Loaded(model, gb=0.0, ours=True)
        self.node.owed = [owed for owed in self.node.owed if owed != model]
        self.node.seen = [s for s in self.node.seen if s["name"] != model] + [asdict(loaded)]
        self._measure(f"load:{model}", seconds)

    def end_switch(self, now: float) -> None:
        """Give the node back; it has to be looked at again."""
        if self.switch is not None and self.switch.outgoing:
            self.node.tenure_since = now
        self.node.switch, self.node.switch_id = None, ""
        self.node.seen_at = 0.0
        self.node.epoch += 1

    def doubt(self) -> None:
        """Forget how fresh the last look is: something at the node has failed."""
        if self.node.switch is None:
            self.node.seen_at = 0.0
            self.node.epoch += 1

    def _measure(self, what: str, seconds: float) -> None:
        mean = self.node.means.get(what, seconds)
        self.node.means = {**self.node.means, what: mean + _NEWEST * (seconds - mean)}


class LeaseTable:
    """Turns at nodes, in a database of any kind.

    A turn begins by raising the node's version. That takes the row's lock (in SQLite, the file's),
    so the turns of all processes follow each other and each sees what the one before has written.
    A thread of its own works on the database: it is crossed twice in a turn, however many
    statements that has, and no other work of the process keeps a lease waiting. It serves one turn
    after the other, or two turns of one process could wait for each other.
    """

    def __init__(self, engine: Engine) -> None:
        self._session = sessionmaker(engine, expire_on_commit=False)
        self._thread = ThreadPoolExecutor(1, "leases")
        self._taken = asyncio.Lock()

    @asynccontextmanager
    async def turn(self, node: str) -> AsyncIterator[Turn]:
        """Open a turn; leaving commits it."""
        async with self._taken:
            session = self._session()
            try:
                yield Turn(session, *await self._do(self._begin, session, node))
            except BaseException:
                await self._do(session.close)
                raise
            await self._do(_commit, session)

    async def look(self, node: str) -> Turn:
        """Read a node's state without a turn."""
        return (await self.look_at_all([node]))[node]

    async def look_at_all(self, names: Collection[str]) -> Mapping[str, Turn]:
        """Read the state of nodes without a turn, in two queries."""
        return await self._do(self._look_at_all, names)

    async def _do(self, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        doing = functools.partial(work, *args, **kwargs)
        return await asyncio.get_running_loop().run_in_executor(self._thread, doing)

    def _begin(self, session: Session, node: str) -> tuple[NodeRow, Sequence[LeaseRow]]:
        row = session.scalars(_lock(node)).one_or_none()
        if row is None:  # the first turn at this node
            session.rollback()
            with contextlib.suppress(IntegrityError), self._session.begin() as first:
                first.add(NodeRow(node=node))  # unless another process was faster
            row = session.scalars(_lock(node)).one()
        return row, session.scalars(select(LeaseRow).where(col(LeaseRow.node) == node)).all()

    def _look_at_all(self, names: Collection[str]) -> Mapping[str, Turn]:
        with self._session() as session:
            nodes = {row.node: row for row in session.scalars(select(NodeRow))}
            rows = session.scalars(select(LeaseRow)).all()
        return {
            name: Turn(
                session, nodes.get(name, NodeRow(node=name)), [r for r in rows if r.node == name]
            )
            for name in names
        }


def _commit(session: Session) -> None:
    with session:
        session.commit()


def _lock(node: str) -> ReturningUpdate[NodeRow]:
    raised = update(NodeRow).where(col(NodeRow.node) == node)
    raised = raised.values(version=col(NodeRow.version) + 1)
    return raised.returning(NodeRow).execution_options(synchronize_session=False)


def _ask(row: LeaseRow) -> Ask:
    return Ask(
        id=row.id,
        model=row.model,
        job=row.job,
        priority=Priority(row.priority),
        asked_at=row.asked_at,
        state=AskState(row.state),
        ended_at=row.ended_at or 0.0,
        role=row.role,
        held_at=row.held_at or 0.0,
        unload_after=row.unload_after,
    )


def _compared(loaded: Loaded, before: Loaded | None, now: float) -> dict[str, Any]:
    since = before.quiet_since if before and before.expires == loaded.expires else now
    is_ours = loaded.ours or (before is not None and before.ours)
    return asdict(replace(loaded, quiet_since=since, ours=is_ours))
