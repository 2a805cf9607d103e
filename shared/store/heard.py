"""Who was heard how often, so that nobody keeps Baton busy; a restart forgets nothing of it."""

from datetime import datetime, timedelta
from enum import StrEnum

from sqlalchemy import Column, func
from sqlalchemy.ext.asyncio import AsyncEngine
from sqlalchemy.ext.asyncio import async_sessionmaker as sessionmaker
from sqlmodel import Field, SQLModel, col, delete, select
from sqlmodel.ext.asyncio.session import AsyncSession

from shared.store.tables import UtcDateTime, now

MOST = 20
"""Comments with commands that one person is heard for within the window."""
WINDOW = timedelta(minutes=10)
KEPT = timedelta(days=7)
"""How long a comment is known; GitHub delivers again for three days."""


class Heard(SQLModel, table=True):
    """A comment with commands, whoever wrote it."""

    key: str = Field(primary_key=True)
    login: str = Field(index=True)
    delivery: str
    at: datetime = Field(default_factory=now, sa_column=Column(UtcDateTime, nullable=False))


class Hearing(StrEnum):
    """Whether somebody is heard."""

    YES = "yes"
    ALREADY = "already"
    """This comment was handled, by another delivery."""
    TOO_OFTEN = "too_often"
    """The first one too many: worth a word."""
    NOT_ANY_MORE = "not_any_more"


class Ears:
    """The table of those who were heard."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._session = sessionmaker(engine, class_=AsyncSession, expire_on_commit=False)

    async def hear(self, login: str, key: str, delivery: str) -> Hearing:
        """Count a comment once, by its key, and tell whether its author is heard.

        Those turned away count as well: who goes on and on stays unheard. A comment belongs to
        the first delivery of it.
        """
        async with self._session.begin() as session:
            row = await session.get(Heard, key)
            if row is None:
                row = Heard(key=key, login=login, delivery=delivery)
                await session.exec(delete(Heard).where(col(Heard.at) < row.at - KEPT))
                session.add(row)
                await session.flush()
            if row.delivery != delivery:
                return Hearing.ALREADY
            earlier = select(func.count()).where(
                Heard.login == login,
                col(Heard.at) > row.at - WINDOW,
                col(Heard.at) <= row.at,
            )
            count = (await session.exec(earlier)).one()
        if count <= MOST:
            return Hearing.YES
        return Hearing.TOO_OFTEN if count == MOST + 1 else Hearing.NOT_ANY_MORE
