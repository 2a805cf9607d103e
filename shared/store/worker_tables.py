"""Tables of the workers: who lives, who may reach the mirror for a run, what is being done.

Times are Unix seconds by the clock of the database, so that no two machines' clocks are compared.
"""

from sqlmodel import Field, SQLModel


class WorkerRow(SQLModel, table=True):
    """One process that builds; its id is the engine's name for it."""

    __tablename__ = "worker"

    id: str = Field(primary_key=True)
    node: str = Field(index=True)
    host: str
    pid: int
    home: str
    since: float
    seen_at: float


class GrantRow(SQLModel, table=True):
    """What a token allows: its holder to read and add to the commits of one run.

    The token itself is kept nowhere; `digest` is its SHA-256, hexadecimal.
    """

    __tablename__ = "run_grant"

    digest: str = Field(primary_key=True)
    run_id: str = Field(index=True, foreign_key="run.id")
    worker: str
    expires_at: float


class ActivityRow(SQLModel, table=True):
    """A model at work for a run on another machine, or waited for; renewed once a second."""

    __tablename__ = "activity"

    run_id: str = Field(primary_key=True, foreign_key="run.id")
    worker: str
    role: str
    model: str
    node: str
    waiting: bool
    tokens: int
    started_at: float
    moved_at: float
