"""Reading and writing the domain's tables. Each call is one transaction."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Self

from sqlalchemy import Engine, Update, func
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncEngine
from sqlalchemy.ext.asyncio import async_sessionmaker as sessionmaker
from sqlmodel import col, select, update
from sqlmodel.ext.asyncio.session import AsyncSession

from shared.store.address import open_engine, open_leases, sqlite_url
from shared.store.schema import migrate
from shared.store.tables import Approval, ApprovalState, Run, Snapshot, StageChange, UsageEntry, now


class Store:
    """The domain's database."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine
        self._leases = open_leases(engine.url)
        self._session = sessionmaker(engine, class_=AsyncSession, expire_on_commit=False)

    @classmethod
    def open(cls, path: Path) -> Self:
        """Open the SQLite file at a path, made or migrated to the present schema first."""
        path.parent.mkdir(parents=True, exist_ok=True)
        return cls.at(sqlite_url(path))

    @classmethod
    def at(cls, url: str) -> Self:
        """Open the database at an address, migrated to the present schema first."""
        migrate(url)
        return cls(open_engine(url))

    @property
    def engine(self) -> AsyncEngine:
        """Return the database, for the tables that others keep in it."""
        return self._engine

    @property
    def leases(self) -> Engine:
        """Return the database for the scheduler's table of leases, which a thread works on."""
        return self._leases

    async def close(self) -> None:
        """Give the connections back."""
        await self._engine.dispose()
        self._leases.dispose()

    async def add_run(self, run: Run) -> Run:
        """Insert a run as the next attempt at its issue; return the one its origin started already.

        Of two that are added at once, one takes the attempt after the other.
        """
        try:
            return await self._add_run(Run(**run.model_dump()))
        except IntegrityError:  # somebody took the number in the same moment
            return await self._add_run(Run(**run.model_dump()))

    async def _add_run(self, run: Run) -> Run:
        async with self._session.begin() as session:
            query = select(Run).where(Run.origin == run.origin)
            stored = (await session.exec(query)).first()
            if stored is not None:
                return stored
            others = select(func.count()).where(Run.repo == run.repo, Run.number == run.number)
            run.attempt = (await session.exec(others)).one() + 1
            run.id = f"{run.repo}#{run.number}.{run.attempt}"
            session.add(run)
            await session.flush()
            session.add(StageChange(run_id=run.id, stage=run.stage))
        return run

    async def run(self, run_id: str) -> Run | None:
        """Return a run by id."""
        async with self._session() as session:
            return await session.get(Run, run_id)

    async def runs(self, repo: str | None = None, number: int | None = None) -> Sequence[Run]:
        """Return the runs, newest first; of one repository or one issue if given."""
        query = select(Run).order_by(col(Run.created_at).desc(), col(Run.attempt).desc())
        if repo is not None:
            query = query.where(Run.repo == repo)
        if number is not None:
            query = query.where(Run.number == number)
        async with self._session() as session:
            return (await session.exec(query)).all()

    async def run_of_pull(self, repo: str, pull_number: int) -> Run | None:
        """Return the newest run that proposed a pull request."""
        query = select(Run).where(Run.repo == repo, Run.pull_number == pull_number)
        query = query.order_by(col(Run.attempt).desc())
        async with self._session() as session:
            return (await session.exec(query)).first()

    async def update_run(self, run_id: str, **changes: Any) -> Run:  # noqa: ANN401  columns differ
        """Change columns of a run and, with the stage, its history.

        A final stage stays, and voids what the run was asking.
        """
        async with self._session.begin() as session:
            # Locked, so that of two processes none overwrites a final stage (no-op on SQLite).
            query = select(Run).where(Run.id == run_id).with_for_update()
            run = (await session.exec(query)).one()
            if run.stage.is_final:
                changes = {key: changes[key] for key in changes.keys() - {"stage", "reason"}}
            if "stage" in changes:
                session.add(_change(run, changes))
                if changes["stage"].is_final:
                    await session.exec(_void_pending(run_id))
            run.sqlmodel_update(changes | {"updated_at": now()})
            session.add(run)
        return run

    async def stages(self, run_id: str) -> Sequence[StageChange]:
        """Return the history of a run, oldest first."""
        query = select(StageChange).where(StageChange.run_id == run_id)
        async with self._session() as session:
            return (await session.exec(query.order_by(col(StageChange.id)))).all()

    async def add_approval(self, approval: Approval) -> Approval:
        """Insert a request; return the stored one where its id exists already."""
        async with self._session.begin() as session:
            stored = await session.get(Approval, approval.id)
            if stored is None:
                session.add(approval)
            return stored or approval

    async def approval(self, approval_id: str) -> Approval | None:
        """Return a request by id."""
        async with self._session() as session:
            return await session.get(Approval, approval_id)

    async def approvals(self, run_id: str) -> Sequence[Approval]:
        """Return the requests of a run, oldest first."""
        query = select(Approval).where(Approval.run_id == run_id)
        async with self._session() as session:
            return (await session.exec(query.order_by(col(Approval.requested_at)))).all()

    async def pending_approval(self, run_id: str) -> Approval | None:
        """Return the request that a run waits for."""
        query = select(Approval).where(
            Approval.run_id == run_id, Approval.state == ApprovalState.PENDING
        )
        async with self._session() as session:
            return (await session.exec(query)).first()

    async def note_approval(self, approval_id: str, **facts: Any) -> None:  # noqa: ANN401  columns differ
        """Keep facts about a request, such as the comment that shows it."""
        async with self._session.begin() as session:
            await session.exec(
                update(Approval).where(col(Approval.id) == approval_id).values(**facts)
            )

    async def first_yes(self, approval_id: str, login: str) -> str:
        """Keep the first yes to a pending request that takes two; return whose it is."""
        change = (
            update(Approval)
            .where(
                col(Approval.id) == approval_id,
                col(Approval.state) == ApprovalState.PENDING,
                col(Approval.first_yes) == "",
            )
            .values(first_yes=login)
        )
        async with self._session.begin() as session:
            await session.exec(change)
            approval = await session.get(Approval, approval_id)
            return approval.first_yes if approval is not None else ""

    async def decide(
        self, approval_id: str, state: ApprovalState, *, decision: str, by: str, reason: str
    ) -> bool:
        """Decide a pending request; tell whether this decision is the one that counts.

        `decision` names what decided, so that the same one may be handed in again.
        """
        change = (
            update(Approval)
            .where(col(Approval.id) == approval_id, col(Approval.state) == ApprovalState.PENDING)
            .values(state=state, decision=decision, decided_by=by, reason=reason, decided_at=now())
        )
        async with self._session.begin() as session:
            await session.exec(change)
            approval = await session.get(Approval, approval_id)
            return approval is not None and approval.decision == decision

    async def void_approval(self, approval_id: str, reason: str) -> None:
        """Take an approval back whose terms no longer hold."""
        async with self._session.begin() as session:
            approval = (
                await session.exec(select(Approval).where(Approval.id == approval_id))
            ).one()
            approval.state, approval.reason = ApprovalState.VOID, reason
            session.add(approval)

    async def add_snapshot(self, snapshot: Snapshot) -> Snapshot:
        """Insert a snapshot under the next number of its run; return the one its key has already.

        The number is put into the document as well.
        """
        async with self._session.begin() as session:
            query = select(Snapshot).where(Snapshot.key == snapshot.key)
            stored = (await session.exec(query)).first()
            if stored is not None:
                return stored
            newest = select(func.max(Snapshot.n)).where(Snapshot.run_id == snapshot.run_id)
            snapshot.n = ((await session.exec(newest)).one() or 0) + 1
            snapshot.document = snapshot.document | {"n": snapshot.n}
            session.add(snapshot)
        return snapshot

    async def snapshot(self, snapshot_id: int) -> Snapshot | None:
        """Return a snapshot by id."""
        async with self._session() as session:
            return await session.get(Snapshot, snapshot_id)

    async def newest_snapshot(self, run_id: str) -> Snapshot | None:
        """Return the last snapshot of a run."""
        query = select(Snapshot).where(Snapshot.run_id == run_id).order_by(col(Snapshot.n).desc())
        async with self._session() as session:
            return (await session.exec(query)).first()

    async def snapshots(self, run_id: str) -> Sequence[Snapshot]:
        """Return the snapshots of a run, oldest first."""
        query = select(Snapshot).where(Snapshot.run_id == run_id).order_by(col(Snapshot.n))
        async with self._session() as session:
            return (await session.exec(query)).all()

    async def add_usage(self, entry: UsageEntry) -> None:
        """Record what a call cost, once per key."""
        async with self._session.begin() as session:
            await session.merge(entry)

    async def usage(self, run_id: str) -> Sequence[UsageEntry]:
        """Return what the calls of a run cost, oldest first."""
        query = select(UsageEntry).where(UsageEntry.run_id == run_id).order_by(col(UsageEntry.at))
        async with self._session() as session:
            return (await session.exec(query)).all()


def _void_pending(run_id: str) -> Update:
    return (
        update(Approval)
        .where(col(Approval.run_id) == run_id, col(Approval.state) == ApprovalState.PENDING)
        .values(state=ApprovalState.VOID, reason="The run is over.")
    )


def _change(run: Run, changes: Mapping[str, Any]) -> StageChange:
    return StageChange(run_id=run.id, stage=changes["stage"], note=changes.get("reason", ""))
