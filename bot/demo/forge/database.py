"""Open the forge's SQLite file."""

from pathlib import Path
from typing import Any

from sqlalchemy import event
from sqlalchemy.ext.asyncio import AsyncEngine, async_sessionmaker, create_async_engine

from bot.demo.forge.tables import Row


def open_database(path: Path) -> AsyncEngine:
    """Connect to the file, which is made when it is missing."""
    engine = create_async_engine(f"sqlite+aiosqlite:///{path}")

    @event.listens_for(engine.sync_engine, "connect")
    def set_up(connection: Any, _record: object) -> None:  # noqa: ANN401  a DBAPI connection has no type
        cursor = connection.cursor()
        for pragma in ("journal_mode=WAL", "synchronous=NORMAL", "foreign_keys=ON"):
            cursor.execute(f"PRAGMA {pragma}")
        cursor.close()

    return engine


async def create_tables(engine: AsyncEngine) -> None:
    """Create the tables that are missing."""
    async with engine.begin() as connection:
        await connection.run_sync(Row.metadata.create_all)


def sessions(engine: AsyncEngine) -> Any:  # noqa: ANN401  SQLModel's session maker has no public type
    """Return the factory of sessions; rows stay readable after a commit."""
    return async_sessionmaker(engine, expire_on_commit=False)
