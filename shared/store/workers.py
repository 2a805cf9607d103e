"""Reading and writing what gateway and workers tell each other. Each call is one transaction."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Float
from sqlalchemy.ext.asyncio import AsyncEngine
from sqlalchemy.ext.asyncio import async_sessionmaker as sessionmaker
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.functions import FunctionElement
from sqlmodel import col, delete, select, update
from sqlmodel.ext.asyncio.session import AsyncSession

from shared.store.worker_tables import ActivityRow, GrantRow, WorkerRow


class clock(FunctionElement[float]):  # noqa: N801  a function of SQL
    """The time by the database, in Unix seconds."""

    inherit_cache = True
    type = Float()


@compiles(clock, "postgresql")
def _clock_of_postgres(*_: Any, **__: Any) -> str:  # noqa: ANN401  SQLAlchemy's compiler
    return "CAST(extract(epoch FROM clock_timestamp()) AS double precision)"


@compiles(clock, "sqlite")
def _clock_of_sqlite(*_: Any, **__: Any) -> str:  # noqa: ANN401  SQLAlchemy's compiler
    return "((julianday('now') - 2440587.5) * 86400.0)"


class WorkerStore:
    """The tables of the workers."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._session = sessionmaker(engine, class_=AsyncSession, expire_on_commit=False)

    async def now(self) -> float:
        """Return the time by the database, in Unix seconds."""
        async with self._session() as session:
            return (await session.exec(select(clock()))).one()

    async def enter(self, worker_id: str, node: str, host: str, pid: int, home: str) -> None:
        """Register a worker, in place of one that had the same folder on the same host before.

        A folder has one process at a time, so the earlier one is known to be dead.
        """
        async with self._session.begin() as session:
            await session.exec(
                delete(WorkerRow).where(col(WorkerRow.host) == host, col(WorkerRow.home) == home)
            )
            moment = (await session.exec(select(clock()))).one()
            row = WorkerRow(
                id=worker_id,
                node=node,
                host=host,
                pid=pid,
                home=home,
                since=moment,
                seen_at=moment,
            )
            session.add(row)

    async def beat(self, worker_id: str) -> bool:
        """Note that a worker lives; tell whether it is registered."""
        change = update(WorkerRow).where(col(WorkerRow.id) == worker_id).values(seen_at=clock())
        async with self._session.begin() as session:
            return bool((await session.exec(change)).rowcount)

    async def leave(self, worker_id: str) -> None:
        """Forget a worker that has stopped."""
        async with self._session.begin() as session:
            await session.exec(delete(ActivityRow).where(col(ActivityRow.worker) == worker_id))
            await session.exec(delete(GrantRow).where(col(GrantRow.worker) == worker_id))
            await session.exec(delete(WorkerRow).where(col(WorkerRow.id) == worker_id))

    async def living(self, bound: float) -> Sequence[WorkerRow]:
        """Return the workers that were seen within so many seconds, in the order they came."""
        query = select(WorkerRow).where(col(WorkerRow.seen_at) > clock() - bound)
        async with self._session() as session:
            return (await session.exec(query.order_by(col(WorkerRow.since)))).all()

    async def grant(self, digest: str, run_id: str, worker_id: str, seconds: float) -> None:
        """Let the holder of a token reach a run's commits for some seconds."""
        async with self._session.begin() as session:
            await session.exec(delete(GrantRow).where(col(GrantRow.expires_at) < clock()))
            moment = (await session.exec(select(clock()))).one()
            session.add(
                GrantRow(
                    digest=digest, run_id=run_id, worker=worker_id, expires_at=moment + seconds
                )
            )

    async def granted(self, digest: str) -> GrantRow | None:
        """Return what the token of a digest allows now; None when it is unknown or has expired."""
        query = select(GrantRow).where(
            GrantRow.digest == digest, col(GrantRow.expires_at) > clock()
        )
        async with self._session() as session:
            return (await session.exec(query)).first()

    async def withdraw(self, run_id: str) -> None:
        """Take back every token of a run."""
        async with self._session.begin() as session:
            await session.exec(delete(GrantRow).where(col(GrantRow.run_id) == run_id))

    async def show(self, worker_id: str, rows: Sequence[ActivityRow]) -> None:
        """Put what a worker is doing in place of what it did before."""
        async with self._session.begin() as session:
            await session.exec(delete(ActivityRow).where(col(ActivityRow.worker) == worker_id))
            for row in rows:
                await session.merge(row)

    async def shown(self, bound: float) -> Sequence[ActivityRow]:
        """Return what the workers are doing that were seen within so many seconds."""
        living = select(WorkerRow.id).where(col(WorkerRow.seen_at) > clock() - bound)
        query = select(ActivityRow).where(col(ActivityRow.worker).in_(living))
        async with self._session() as session:
            return (await session.exec(query)).all()
