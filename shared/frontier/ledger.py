"""What was asked of cloud models, what it cost, and whether it helped.

A call stands here as `sent` before its first byte leaves. Whoever finds a call in that state
after a restart cannot know whether it was billed: it becomes `unknown` and takes a new yes.
"""

from collections.abc import Callable
from datetime import datetime
from enum import StrEnum

from sqlalchemy import ColumnElement, func
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncEngine
from sqlalchemy.ext.asyncio import async_sessionmaker as sessionmaker
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from shared.domain import Value
from shared.errors import OverBudget
from shared.frontier.values import FrontierUsage
from shared.profiles import FrontierPolicy
from shared.store import Run
from shared.store.frontier_tables import FrontierCall
from shared.store.tables import now


class CallState(StrEnum):
    """How a call ended, as far as is known."""

    SENT = "sent"
    ANSWERED = "answered"
    BLOCKED = "blocked"
    EMPTY = "empty"
    REFUSED = "refused"
    UNKNOWN = "unknown"


class Share(Value):
    """How many of all runs asked a cloud model, and what came of it."""

    runs: int
    asked: int
    helped: int
    spent_usd: float

    @property
    def part(self) -> float:
        """Return the share of the runs that asked, from 0 to 1; the plan is one in ten."""
        return self.asked / self.runs if self.runs else 0.0


class Ledger:
    """The calls in the domain's database. Each method is one transaction."""

    def __init__(self, engine: AsyncEngine, *, clock: Callable[[], datetime] = now) -> None:
        self._session = sessionmaker(engine, class_=AsyncSession, expire_on_commit=False)
        self._clock = clock

    @property
    def moment(self) -> datetime:
        """Return the present, in UTC."""
        return self._clock()

    async def begin(self, call: FrontierCall, policy: FrontierPolicy) -> FrontierCall | None:
        """Enter a call as sent, within the budgets; return the row that has its id already.

        A row that was refused, and so cost nothing, is begun anew. One left behind as `sent` is
        made `unknown`. Raises OverBudget.
        """
        call.state, call.started_at = CallState.SENT, self.moment
        try:
            async with self._session.begin() as session:
                session.add(call)
                # The row is written before the sums are read: of two callers the second waits.
                await session.flush()
                await self._refuse_over_budget(session, call, policy)
        except IntegrityError:
            return await self._again(call, policy)
        return None

    async def end(
        self,
        call_id: str,
        state: CallState,
        *,
        price_usd: float | None = None,
        usage: FrontierUsage | None = None,
        **facts: str | bool | float,
    ) -> None:
        """Record how a call ended; `facts` are further columns. An end that stands is kept."""
        async with self._session.begin() as session:
            row = await session.get_one(FrontierCall, call_id)
            if row.state != CallState.SENT:
                return
            row.state, row.ended_at, row.price_usd = state, self.moment, price_usd
            row.sqlmodel_update({**(usage.model_dump() if usage else {}), **facts})
            session.add(row)

    async def note_help(self, run_id: str, *, helped: bool) -> None:
        """Record whether the attempt after the run's newest advice passed; the first word stays."""
        async with self._session.begin() as session:
            query = select(FrontierCall).where(
                FrontierCall.run_id == run_id, FrontierCall.state == CallState.ANSWERED
            )
            newest = (
                await session.exec(query.order_by(col(FrontierCall.started_at).desc()))
            ).first()
            if newest is not None and newest.helped is None:
                newest.helped = helped
                session.add(newest)

    async def calls(self, run_id: str) -> tuple[FrontierCall, ...]:
        """Return the calls of a run, oldest first."""
        query = select(FrontierCall).where(FrontierCall.run_id == run_id)
        async with self._session() as session:
            return tuple((await session.exec(query.order_by(col(FrontierCall.started_at)))).all())

    async def left(self, run_id: str, policy: FrontierPolicy) -> float:
        """Return the US dollars that a run may still spend, within its budget and the month's."""
        async with self._session() as session:
            run = policy.run_budget_usd - await self._spent(session, _of_run(run_id))
        return max(0.0, min(run, await self.left_this_month(policy)))

    async def left_this_month(self, policy: FrontierPolicy) -> float:
        """Return the US dollars that all runs together may still spend in this month."""
        async with self._session() as session:
            spent = await self._spent(session, self._of_month())
        return max(0.0, policy.monthly_budget_usd - spent)

    async def share(self) -> Share:
        """Count the runs, and those that asked a cloud model."""
        async with self._session() as session:
            runs = (await session.exec(select(func.count()).select_from(Run))).one()
            asked = select(func.count(func.distinct(col(FrontierCall.run_id))))
            asked = asked.where(col(FrontierCall.state) != CallState.REFUSED)
            helped = select(func.count()).where(col(FrontierCall.helped).is_(True))
            return Share(
                runs=runs,
                asked=(await session.exec(asked)).one(),
                helped=(await session.exec(helped)).one(),
                spent_usd=await self._spent(session),
            )

    async def _again(self, call: FrontierCall, policy: FrontierPolicy) -> FrontierCall | None:
        async with self._session.begin() as session:
            row = await session.get_one(FrontierCall, call.id, with_for_update=True)
            if row.state == CallState.REFUSED and row.digest == call.digest:
                row.sqlmodel_update(
                    {"state": CallState.SENT, "started_at": self.moment, "ended_at": None}
                    | {"price_usd": None, "ceiling_usd": call.ceiling_usd, "note": ""}
                )
                session.add(row)
                await session.flush()
                await self._refuse_over_budget(session, row, policy)
                return None
            if row.state == CallState.SENT:
                row.state, row.ended_at = CallState.UNKNOWN, self.moment
                session.add(row)
            return row

    async def _refuse_over_budget(
        self, session: AsyncSession, call: FrontierCall, policy: FrontierPolicy
    ) -> None:
        for what, limit, condition in (
            ("run", policy.run_budget_usd, _of_run(call.run_id)),
            ("monthly", policy.monthly_budget_usd, self._of_month()),
        ):
            spent = await self._spent(session, condition) - call.ceiling_usd
            if spent + call.ceiling_usd > limit:
                raise OverBudget(
                    f"The call may cost ${call.ceiling_usd:.3f}; ${spent:.3f} of the {what} budget "
                    f"of ${limit:.2f} are spent. Nothing was sent. To allow it, raise "
                    f"{what}_budget_usd in [frontier] of the profile."
                )

    async def _spent(self, session: AsyncSession, *conditions: ColumnElement[bool]) -> float:
        price = func.coalesce(FrontierCall.price_usd, FrontierCall.ceiling_usd)
        query = select(func.coalesce(func.sum(price), 0.0)).where(*conditions)
        return float((await session.exec(query)).one())

    def _of_month(self) -> ColumnElement[bool]:
        first = self.moment.replace(day=1, hour=0, minute=0, second=0, microsecond=0)
        return col(FrontierCall.started_at) >= first


def _of_run(run_id: str) -> ColumnElement[bool]:
    return col(FrontierCall.run_id) == run_id
