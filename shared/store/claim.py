"""One gateway for one shared database: a second one would resume the runs of the first."""

import contextlib
from collections.abc import AsyncIterator

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from shared.errors import ConfigurationError

_CLAIM = text("SELECT pg_try_advisory_lock(hashtext('baton gateway'))")


@contextlib.asynccontextmanager
async def claimed(engine: AsyncEngine) -> AsyncIterator[None]:
    """Be the only gateway on a PostgreSQL while the context is open.

    The claim is held by a connection, so it ends with the process however that ends. Raises
    ConfigurationError when another process has it. A SQLite file lies in a state directory, and
    that is claimed already.
    """
    if engine.dialect.name != "postgresql":
        yield
        return
    async with engine.connect() as connection:
        steady = await connection.execution_options(isolation_level="AUTOCOMMIT")
        if not (await steady.execute(_CLAIM)).scalar():
            raise ConfigurationError(
                "Another gateway uses this database already. Stop it first; on this machine you "
                "may want a worker instead: baton worker --node NAME."
            )
        yield
        # A connection that went back to the pool would keep the claim.
        await connection.invalidate()
