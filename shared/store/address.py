"""Where the tables lie: a SQLite file of one process, or a PostgreSQL that several share."""

from pathlib import Path
from typing import Any

from sqlalchemy import URL, Engine, create_engine, event, make_url
from sqlalchemy.exc import ArgumentError
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from shared.errors import ConfigurationError

_POSTGRES = {"postgresql", "postgres"}
# A server behind a cut cable neither answers nor refuses: ask it whether it is still there, and
# give up after some seconds. Names of libpq's connection parameters; the last in milliseconds.
_PATIENCE = {
    "connect_timeout": 5,
    "keepalives_idle": 5,
    "keepalives_interval": 2,
    "keepalives_count": 3,
    "tcp_user_timeout": 10_000,
}


def sqlite_url(path: Path) -> str:
    """Return the address of a SQLite file."""
    return f"sqlite:///{path}"


def postgres_url(address: str) -> str:
    """Check an address that an operator gave and return it in the form that is used.

    Raises ConfigurationError that does not repeat it: it may hold a password.
    """
    try:
        url = make_url(address)
    except ArgumentError:
        url = URL.create("none")
    if url.get_backend_name() not in _POSTGRES or not url.database:
        raise ConfigurationError(
            "BATON_DATABASE_URL is not the address of a PostgreSQL database. Write it as "
            "postgresql://USER:PASSWORD@HOST:5432/DATABASE."
        )
    return url.set(drivername="postgresql+psycopg").render_as_string(hide_password=False)


def password_of(url: str) -> str | None:
    """Return the password in an address, which logs must not show."""
    return make_url(url).password


def is_shared(url: str | URL) -> bool:
    """Tell whether several processes may use a database."""
    return make_url(url).get_backend_name() == "postgresql"


def arguments(url: str | URL) -> dict[str, Any]:
    """Return how to connect, except for what the address itself decides."""
    given = make_url(url).query
    return {name: value for name, value in _PATIENCE.items() if name not in given}


def open_engine(url: str) -> AsyncEngine:
    """Open a database for use on the event loop."""
    if is_shared(url):
        return create_async_engine(url, pool_pre_ping=True, connect_args=arguments(url))
    engine = create_async_engine(make_url(url).set(drivername="sqlite+aiosqlite"))
    event.listen(engine.sync_engine, "connect", _set_pragmas)
    return engine


def open_leases(url: URL) -> Engine:
    """Open a database for the thread that works on leases.

    After a power cut no lease means anything, so SQLite need not wait for the disk at each of them;
    the file stays whole all the same.
    """
    if is_shared(url):
        patience = arguments(url)
        return create_engine(url, pool_pre_ping=True, connect_args=patience)
    engine = create_engine(url.set(drivername="sqlite"))
    event.listen(engine, "connect", _set_pragmas)
    event.listen(engine, "connect", _spare_the_disk)
    return engine


def _spare_the_disk(connection: Any, _record: object) -> None:  # noqa: ANN401  a DBAPI connection
    connection.execute("PRAGMA synchronous=NORMAL")


def _set_pragmas(connection: Any, _record: object) -> None:  # noqa: ANN401  a DBAPI connection
    """Let readers and the writer work side by side, and wait rather than fail."""
    cursor = connection.cursor()
    cursor.execute("PRAGMA journal_mode=WAL")
    cursor.execute("PRAGMA synchronous=FULL")
    cursor.execute("PRAGMA busy_timeout=5000")
    cursor.execute("PRAGMA foreign_keys=ON")
    cursor.close()
