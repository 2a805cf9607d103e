"""Alembic's entry: run the migrations on the database it is pointed at."""

from alembic import context
from sqlalchemy import create_engine, text
from sqlmodel import SQLModel

from shared.store import tables

assert tables.Run.__tablename__ == "run"  # the tables are imported for their metadata

url = context.config.get_main_option("sqlalchemy.url")
assert url is not None
engine = create_engine(url)
with engine.connect() as connection:
    context.configure(
        connection=connection, target_metadata=SQLModel.metadata, render_as_batch=True
    )
    with context.begin_transaction():
        if connection.dialect.name == "postgresql":
            # Two processes that start together migrate one after the other.
            connection.execute(text("SELECT pg_advisory_xact_lock(hashtext('baton schema'))"))
        context.run_migrations()
engine.dispose()
