"""Tables of the scheduler. Times are Unix seconds, so that they are compared as numbers."""

from typing import Any

from sqlalchemy import JSON, Column
from sqlmodel import Field, SQLModel


class LeaseRow(SQLModel, table=True):
    """A request for a model, from its asking to shortly after its end."""

    __tablename__ = "lease"

    id: str = Field(primary_key=True)
    node: str = Field(index=True)
    model: str
    job: str = Field(index=True)
    role: str
    priority: int
    holder: str
    state: str
    asked_at: float
    beat_at: float
    held_at: float | None = None
    ended_at: float | None = None
    unload_after: bool = False
    refusal: dict[str, str] | None = Field(default=None, sa_column=Column(JSON(none_as_null=True)))


class NodeRow(SQLModel, table=True):
    """What is known of a node, and the one switch that may be going on there.

    Whoever decides for a node raises `version` first, which locks out the others until the commit.
    `owed` names the residents that had to leave and come back when there is room, `idle` since when
    a role has done nothing.
    """

    __tablename__ = "node_state"

    node: str = Field(primary_key=True)
    version: int = 0
    epoch: int = 0
    seen: list[dict[str, Any]] = Field(default_factory=list, sa_column=Column(JSON, nullable=False))
    seen_at: float = 0.0
    tenure_since: float = 0.0
    means: dict[str, float] = Field(default_factory=dict, sa_column=Column(JSON, nullable=False))
    owed: list[str] = Field(default_factory=list, sa_column=Column(JSON, nullable=False))
    idle: dict[str, float] = Field(default_factory=dict, sa_column=Column(JSON, nullable=False))
    switch: dict[str, Any] | None = Field(default=None, sa_column=Column(JSON(none_as_null=True)))
    switch_id: str = ""
    switch_beat_at: float = 0.0
