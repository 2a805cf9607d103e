"""The forge's state: one table for each thing GitHub keeps."""

import time
from datetime import UTC, datetime
from typing import Any, ClassVar

from sqlalchemy import (
    JSON,
    BigInteger,
    DateTime,
    Dialect,
    ForeignKey,
    MetaData,
    Table,
    TypeDecorator,
    UniqueConstraint,
)
from sqlalchemy import Column as Col
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, relationship
from sqlalchemy.orm.attributes import set_committed_value

from bot.demo.forge.config import Level


class Moment(TypeDecorator[datetime]):
    """A moment in UTC; SQLite keeps no zone."""

    impl = DateTime
    cache_ok = True

    def process_bind_param(self, value: datetime | None, _dialect: Dialect) -> datetime | None:
        """Store UTC without a zone."""
        return value and value.astimezone(UTC).replace(tzinfo=None)

    def process_result_value(self, value: datetime | None, _dialect: Dialect) -> datetime | None:
        """Read it back with the zone."""
        return value and value.replace(tzinfo=UTC)


class Row(DeclarativeBase):
    """Base of every table."""

    metadata = MetaData()
    type_annotation_map: ClassVar[dict[Any, Any]] = {
        datetime: Moment,
        dict[str, Any]: JSON,
        list[Any]: JSON,
    }


class InOrder:
    """A row of a timeline; moments have whole seconds, so the order is kept beside them."""

    order: Mapped[int] = mapped_column(BigInteger, default=time.time_ns)


class Account(Row):
    """A person or a bot."""

    __tablename__ = "account"

    id: Mapped[int] = mapped_column(primary_key=True)
    login: Mapped[str] = mapped_column(unique=True)
    name: Mapped[str]
    email: Mapped[str]
    is_bot: Mapped[bool] = mapped_column(default=False)
    token_digest: Mapped[str | None] = mapped_column(unique=True, default=None)
    created_at: Mapped[datetime]


class Repository(Row):
    """A repository; its commits live in a bare git repository beside the database."""

    __tablename__ = "repository"
    __table_args__ = (UniqueConstraint("owner_id", "name"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    owner_id: Mapped[int] = mapped_column(ForeignKey("account.id"))
    name: Mapped[str]
    description: Mapped[str] = mapped_column(default="")
    private: Mapped[bool] = mapped_column(default=False)
    default_branch: Mapped[str] = mapped_column(default="main")
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]
    pushed_at: Mapped[datetime]
    last_number: Mapped[int] = mapped_column(default=0)

    owner: Mapped[Account] = relationship(lazy="joined")

    @property
    def full_name(self) -> str:
        """Return ``owner/name``."""
        return f"{self.owner.login}/{self.name}"


class Collaborator(Row):
    """What a person may do in a repository."""

    __tablename__ = "collaborator"

    repository_id: Mapped[int] = mapped_column(ForeignKey("repository.id"), primary_key=True)
    account_id: Mapped[int] = mapped_column(ForeignKey("account.id"), primary_key=True)
    level: Mapped[Level]


class Installation(Row):
    """The App, installed on all repositories of an account."""

    __tablename__ = "installation"

    id: Mapped[int] = mapped_column(primary_key=True)
    account_id: Mapped[int] = mapped_column(ForeignKey("account.id"), unique=True)
    permissions: Mapped[dict[str, Any]]
    created_at: Mapped[datetime]

    account: Mapped[Account] = relationship(lazy="joined")


class InstallationToken(Row):
    """A token of an installation; only its SHA-256 is kept."""

    __tablename__ = "installation_token"

    digest: Mapped[str] = mapped_column(primary_key=True)
    installation_id: Mapped[int] = mapped_column(ForeignKey("installation.id"))
    permissions: Mapped[dict[str, Any]]
    repository_ids: Mapped[list[Any] | None]
    expires_at: Mapped[datetime]

    installation: Mapped[Installation] = relationship(lazy="joined")


issue_label = Table(
    "issue_label",
    Row.metadata,
    Col("issue_id", ForeignKey("issue.id"), primary_key=True),
    Col("label_id", ForeignKey("label.id", ondelete="CASCADE"), primary_key=True),
)


class Label(Row):
    """A label of a repository; names differ by more than case."""

    __tablename__ = "label"

    id: Mapped[int] = mapped_column(primary_key=True)
    repository_id: Mapped[int] = mapped_column(ForeignKey("repository.id"))
    name: Mapped[str]
    color: Mapped[str]
    description: Mapped[str | None]
    default: Mapped[bool] = mapped_column(default=False)


class Issue(Row):
    """An issue, or the half of a pull request that is one."""

    __tablename__ = "issue"
    __table_args__ = (UniqueConstraint("repository_id", "number"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    repository_id: Mapped[int] = mapped_column(ForeignKey("repository.id"))
    number: Mapped[int]
    title: Mapped[str]
    body: Mapped[str | None]
    author_id: Mapped[int] = mapped_column(ForeignKey("account.id"))
    state: Mapped[str] = mapped_column(default="open")
    state_reason: Mapped[str | None] = mapped_column(default=None)
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]
    closed_at: Mapped[datetime | None] = mapped_column(default=None)
    closed_by_id: Mapped[int | None] = mapped_column(ForeignKey("account.id"), default=None)

    author: Mapped[Account] = relationship(lazy="joined", foreign_keys=author_id)
    closed_by: Mapped[Account | None] = relationship(lazy="joined", foreign_keys=closed_by_id)
    labels: Mapped[list[Label]] = relationship(
        secondary=issue_label, lazy="selectin", order_by=Label.name
    )
    pull_row: Mapped["Pull | None"] = relationship(lazy="joined", back_populates="issue")

    @property
    def pull(self) -> "Pull | None":
        """Return the pull request that this is, with its way back."""
        if self.pull_row is not None:
            set_committed_value(self.pull_row, "issue", self)
        return self.pull_row


class Pull(Row):
    """The half of a pull request that an issue has not; shares the issue's id.

    It is always reached through ``Issue.pull``.
    """

    __tablename__ = "pull"

    id: Mapped[int] = mapped_column(ForeignKey("issue.id"), primary_key=True)
    head_ref: Mapped[str]
    head_sha: Mapped[str]
    base_ref: Mapped[str]
    base_sha: Mapped[str]
    draft: Mapped[bool] = mapped_column(default=False)
    maintainer_can_modify: Mapped[bool] = mapped_column(default=False)
    merge_commit_sha: Mapped[str | None] = mapped_column(default=None)
    merged_at: Mapped[datetime | None] = mapped_column(default=None)
    merged_by_id: Mapped[int | None] = mapped_column(ForeignKey("account.id"), default=None)

    issue: Mapped[Issue] = relationship(lazy="raise", back_populates="pull_row")
    merged_by: Mapped[Account | None] = relationship(lazy="joined", foreign_keys=merged_by_id)


class Comment(InOrder, Row):
    """A comment in the conversation of an issue or pull request."""

    __tablename__ = "comment"

    id: Mapped[int] = mapped_column(primary_key=True)
    issue_id: Mapped[int] = mapped_column(ForeignKey("issue.id"))
    author_id: Mapped[int] = mapped_column(ForeignKey("account.id"))
    body: Mapped[str]
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]

    issue: Mapped[Issue] = relationship(lazy="joined")
    author: Mapped[Account] = relationship(lazy="joined")


class Reaction(Row):
    """An emoji by an account on an issue or a comment."""

    __tablename__ = "reaction"
    __table_args__ = (UniqueConstraint("kind", "subject_id", "account_id", "content"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    kind: Mapped[str]
    subject_id: Mapped[int]
    account_id: Mapped[int] = mapped_column(ForeignKey("account.id"))
    content: Mapped[str]
    created_at: Mapped[datetime]

    account: Mapped[Account] = relationship(lazy="joined")


class Happening(InOrder, Row):
    """An entry of a timeline that is neither comment nor review."""

    __tablename__ = "happening"

    id: Mapped[int] = mapped_column(primary_key=True)
    issue_id: Mapped[int] = mapped_column(ForeignKey("issue.id"))
    actor_id: Mapped[int] = mapped_column(ForeignKey("account.id"))
    event: Mapped[str]
    data: Mapped[dict[str, Any]]
    created_at: Mapped[datetime]

    actor: Mapped[Account] = relationship(lazy="joined")


class Review(InOrder, Row):
    """A review of a pull request."""

    __tablename__ = "review"

    id: Mapped[int] = mapped_column(primary_key=True)
    pull_id: Mapped[int] = mapped_column(ForeignKey("pull.id"))
    author_id: Mapped[int] = mapped_column(ForeignKey("account.id"))
    state: Mapped[str]
    body: Mapped[str]
    commit_id: Mapped[str]
    submitted_at: Mapped[datetime | None]

    author: Mapped[Account] = relationship(lazy="joined")


class ReviewComment(Row):
    """A comment on a line of a diff."""

    __tablename__ = "review_comment"

    id: Mapped[int] = mapped_column(primary_key=True)
    pull_id: Mapped[int] = mapped_column(ForeignKey("pull.id"))
    review_id: Mapped[int] = mapped_column(ForeignKey("review.id"))
    author_id: Mapped[int] = mapped_column(ForeignKey("account.id"))
    body: Mapped[str]
    path: Mapped[str]
    side: Mapped[str]
    line: Mapped[int]
    start_line: Mapped[int | None]
    start_side: Mapped[str | None]
    position: Mapped[int]
    commit_id: Mapped[str]
    original_commit_id: Mapped[str]
    diff_hunk: Mapped[str]
    in_reply_to_id: Mapped[int | None]
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]

    author: Mapped[Account] = relationship(lazy="joined")


class CheckSuite(Row):
    """The check runs of the App on one commit."""

    __tablename__ = "check_suite"
    __table_args__ = (UniqueConstraint("repository_id", "head_sha"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    repository_id: Mapped[int] = mapped_column(ForeignKey("repository.id"))
    head_sha: Mapped[str]
    head_branch: Mapped[str | None]
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]

    runs: Mapped[list["CheckRun"]] = relationship(
        lazy="selectin", back_populates="suite", order_by="CheckRun.id"
    )

    def linked(self) -> list["CheckRun"]:
        """Return the runs, with their way back."""
        for run in self.runs:
            set_committed_value(run, "suite", self)
        return self.runs


class CheckRun(Row):
    """One check of a commit; it is always reached through its suite."""

    __tablename__ = "check_run"

    id: Mapped[int] = mapped_column(primary_key=True)
    suite_id: Mapped[int] = mapped_column(ForeignKey("check_suite.id"))
    name: Mapped[str]
    external_id: Mapped[str] = mapped_column(default="")
    details_url: Mapped[str | None]
    status: Mapped[str] = mapped_column(default="queued")
    conclusion: Mapped[str | None] = mapped_column(default=None)
    started_at: Mapped[datetime]
    completed_at: Mapped[datetime | None] = mapped_column(default=None)
    title: Mapped[str | None] = mapped_column(default=None)
    summary: Mapped[str | None] = mapped_column(default=None)
    text: Mapped[str | None] = mapped_column(default=None)
    annotations: Mapped[list[Any]]

    suite: Mapped[CheckSuite] = relationship(lazy="raise", back_populates="runs")


class Delivery(Row):
    """A webhook on its way or arrived; attempts of one GUID are rows of their own."""

    __tablename__ = "delivery"

    id: Mapped[int] = mapped_column(primary_key=True)
    guid: Mapped[str]
    event: Mapped[str]
    action: Mapped[str | None]
    installation_id: Mapped[int | None]
    repository_id: Mapped[int | None]
    payload: Mapped[str]
    redelivery: Mapped[bool] = mapped_column(default=False)
    created_at: Mapped[datetime]
    delivered_at: Mapped[datetime | None] = mapped_column(default=None)
    duration: Mapped[float] = mapped_column(default=0.0)
    status: Mapped[str] = mapped_column(default="pending")
    status_code: Mapped[int] = mapped_column(default=0)
    request_headers: Mapped[dict[str, Any]]
    response_headers: Mapped[dict[str, Any] | None]
    response_body: Mapped[str | None]
