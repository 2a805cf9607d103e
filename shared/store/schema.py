"""The schema of the domain's tables, and how a database is brought to it."""

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import create_engine

from shared.errors import ConfigurationError
from shared.store.address import arguments, is_shared


def migrate(url: str) -> None:
    """Bring a database to the present schema."""
    command.upgrade(_config(url), "head")


def require_present(url: str) -> None:
    """Check that a database that another process looks after has the schema of this version.

    Raises ConfigurationError.
    """
    wanted = ScriptDirectory.from_config(_config(url)).get_current_head()
    engine = create_engine(url, connect_args=arguments(url) if is_shared(url) else {})
    try:
        with engine.connect() as connection:
            found = MigrationContext.configure(connection).get_current_revision()
    finally:
        engine.dispose()
    if found != wanted:
        raise ConfigurationError(
            f"The database is at version {found or 'none'} and this worker needs {wanted}. Install "
            "the same version of Baton on both machines and start the gateway first: baton serve."
        )


def _config(url: str) -> Config:
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    config.set_main_option("sqlalchemy.url", url.replace("%", "%%"))
    return config
