"""One gateway for one shared database: a second one would resume the runs of the first."""

from typing import Self

from sqlalchemy import Connection, NullPool, create_engine, text

from shared.errors import ConfigurationError
from shared.store.address import arguments

_CLAIM = text("SELECT pg_try_advisory_lock(hashtext('baton gateway'))")


class Claim:
    """The claim of this process on a PostgreSQL database, held by a connection.

    It ends with the process, however that ends.
    """

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    @classmethod
    def of(cls, url: str) -> Self:
        """Claim a database.

        Raises ConfigurationError when another process has it.
        """
        engine = create_engine(url, poolclass=NullPool, connect_args=arguments(url))
        connection = engine.connect().execution_options(isolation_level="AUTOCOMMIT")
        if not connection.execute(_CLAIM).scalar():
            connection.close()
            raise ConfigurationError(
                "Another gateway uses this database already. Stop it first; on this machine you "
                "may want a worker instead: baton worker --node NAME."
            )
        return cls(connection)

    def release(self) -> None:
        """Give the database free."""
        self._connection.close()
