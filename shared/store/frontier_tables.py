"""The ledger of calls to cloud models: one row for each yes, written before anything is sent."""

from datetime import datetime

from sqlalchemy import Column
from sqlmodel import Field, SQLModel

from shared.store.tables import UtcDateTime


class FrontierCall(SQLModel, table=True):
    """A call, from just before it is sent to what became of its advice.

    ``price_usd`` is None while the price is not known; ``ceiling_usd`` then counts.
    """

    __tablename__ = "frontier_call"

    id: str = Field(primary_key=True)
    run_id: str = Field(index=True, foreign_key="run.id")
    digest: str
    provider: str
    model: str
    state: str
    input_tokens: int = 0
    output_tokens: int = 0
    cached_tokens: int = 0
    thinking_tokens: int = 0
    ceiling_usd: float
    price_usd: float | None = None
    started_at: datetime = Field(sa_column=Column(UtcDateTime, nullable=False, index=True))
    ended_at: datetime | None = Field(default=None, sa_column=Column(UtcDateTime))
    seconds: float = 0.0
    answer: str = ""
    is_cut: bool = False
    note: str = ""
    helped: bool | None = None
