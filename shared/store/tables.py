"""Tables of the domain. The engine's own tables live in a database beside this one."""

from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, TypeVar

from sqlalchemy import (
    JSON,
    BigInteger,
    Column,
    DateTime,
    String,
    TypeDecorator,
    UniqueConstraint,
)
from sqlalchemy.engine import Dialect
from sqlmodel import Field, SQLModel

from shared.domain import Difficulty, IssueType, Language, RepoRef, Stage


def now() -> datetime:
    """Return the time in UTC."""
    return datetime.now(UTC)


class UtcDateTime(TypeDecorator[datetime]):
    """A moment, kept in UTC also where the database drops time zones, as SQLite does."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Give the moment its time zone back."""
        del dialect
        return value.replace(tzinfo=UTC) if value and value.tzinfo is None else value


E = TypeVar("E", bound=StrEnum)


class EnumText(TypeDecorator[E]):
    """A member of a string enumeration, kept as its value."""

    impl = String
    cache_ok = True

    def __init__(self, kind: type[E]) -> None:
        super().__init__()
        self.kind = kind

    def process_result_value(self, value: str | None, dialect: Dialect) -> E | None:
        """Turn the value back into the member."""
        del dialect
        return None if value is None else self.kind(value)


def _choice(kind: type[StrEnum], *, nullable: bool = False) -> Column[Any]:
    return Column(EnumText(kind), nullable=nullable)


def _moment(*, nullable: bool = False) -> Any:  # noqa: ANN401  SQLModel's own Field returns Any
    return Field(default_factory=now, sa_column=Column(UtcDateTime, nullable=nullable))


class Run(SQLModel, table=True):
    """One try at one issue, from delivery to pull request."""

    id: str = Field(default="", primary_key=True)
    origin: str = Field(unique=True)
    repo: str = Field(index=True)
    number: int = Field(index=True)
    attempt: int = 0
    requester: str
    title: str
    language: Language = Field(default=Language.ENGLISH, sa_column=_choice(Language))
    stage: Stage = Field(default=Stage.RECEIVED, sa_column=_choice(Stage))
    reason: str = ""
    type: IssueType | None = Field(default=None, sa_column=_choice(IssueType, nullable=True))
    difficulty: Difficulty | None = Field(
        default=None, sa_column=_choice(Difficulty, nullable=True)
    )
    base_branch: str = ""
    base_sha: str = ""
    branch: str = ""
    head_sha: str = ""
    pull_number: int | None = None
    tests: dict[str, int] | None = Field(default=None, sa_column=Column(JSON))
    status_comment: int | None = Field(default=None, sa_type=BigInteger)
    resumed_from: int | None = None
    resumable: bool = False
    way: str = ""
    """Whether a person wants a plan, or none; else the triage says."""
    question: str = ""
    """What a person wants the frontier model to be asked."""
    paused_by: str = ""
    detected: str = ""
    hidden: dict[str, dict[str, int]] | None = Field(default=None, sa_column=Column(JSON))
    """What people do not see of the texts that the run was told: counts by source and kind."""
    created_at: datetime = _moment()
    updated_at: datetime = _moment()

    @property
    def ref(self) -> RepoRef:
        """Name the repository."""
        return RepoRef.parse(self.repo)


class StageChange(SQLModel, table=True):
    """When a run entered a stage."""

    __tablename__ = "stage_change"

    id: int | None = Field(default=None, primary_key=True)
    run_id: str = Field(index=True, foreign_key="run.id")
    stage: Stage = Field(sa_column=_choice(Stage))
    note: str = ""
    at: datetime = _moment()


class Snapshot(SQLModel, table=True):
    """Where a run stood at one moment; the document is what `current_task.json` holds."""

    __table_args__ = (UniqueConstraint("run_id", "n"),)

    id: int | None = Field(default=None, primary_key=True)
    key: str = Field(unique=True)
    run_id: str = Field(index=True, foreign_key="run.id")
    n: int
    stage: Stage = Field(sa_column=_choice(Stage))
    reason: str = ""
    document: dict[str, Any] = Field(default_factory=dict, sa_column=Column(JSON, nullable=False))
    at: datetime = _moment()


class ApprovalState(StrEnum):
    """Where an approval request stands. It is decided once; a yes may still become void."""

    PENDING = "pending"
    APPROVED = "approved"
    DENIED = "denied"
    VOID = "void"
    EXPIRED = "expired"


class Approval(SQLModel, table=True):
    """A question to a person, bound to a digest of exactly what was shown."""

    id: str = Field(primary_key=True)
    run_id: str = Field(index=True, foreign_key="run.id")
    kind: str
    digest: str
    shown: dict[str, Any] = Field(default_factory=dict, sa_column=Column(JSON, nullable=False))
    state: ApprovalState = Field(default=ApprovalState.PENDING, sa_column=_choice(ApprovalState))
    comment: int | None = Field(default=None, sa_type=BigInteger)
    """The comment that shows it; what was said before that cannot answer it."""
    first_yes: str = ""
    """Who said yes where two have to."""
    decided_by: str = ""
    decision: str = ""
    reason: str = ""
    requested_at: datetime = _moment()
    decided_at: datetime | None = Field(default=None, sa_column=Column(UtcDateTime))


class UsageEntry(SQLModel, table=True):
    """What one model call cost; the key makes a repeated record harmless."""

    __tablename__ = "usage"

    key: str = Field(primary_key=True)
    run_id: str = Field(index=True, foreign_key="run.id")
    role: str
    model: str
    node: str
    prompt_tokens: int
    output_tokens: int
    seconds: float
    prompt_hash: str = ""
    at: datetime = _moment()
