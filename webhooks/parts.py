"""What payloads are made of: tolerant models of only the fields that Baton reads.

Field names are those of https://docs.github.com/en/webhooks/webhook-events-and-payloads.
Whatever else a payload carries is dropped, so that GitHub may add to it at will.
"""

from datetime import datetime
from typing import Annotated

from pydantic import AliasChoices, BaseModel, BeforeValidator, ConfigDict, Field


class Part(BaseModel):
    """Base of every frozen piece of a payload."""

    model_config = ConfigDict(frozen=True, extra="ignore", populate_by_name=True)


_GHOST = {"login": "ghost", "id": 10137}  # https://github.com/ghost

Id = Annotated[int, Field(ge=0, lt=2**63)]
Number = Annotated[int, Field(ge=1, lt=2**63)]
Text = Annotated[str, BeforeValidator(lambda value: "" if value is None else value)]
"""A text for which GitHub sends null when it is empty."""
Lower = Annotated[str, BeforeValidator(lambda v: v.lower() if isinstance(v, str) else v)]
"""A word that the webhooks write small and the REST API in capitals."""


class Account(Part):
    """A person, organisation or bot."""

    login: str
    id: Id = 0
    type: str = "User"

    @property
    def is_bot(self) -> bool:
        """Tell whether an App acts here, Baton itself included."""
        return self.type == "Bot"


Somebody = Annotated[Account, BeforeValidator(lambda v: dict(_GHOST) if v is None else v)]
"""An account, or GitHub's stand-in where the account was deleted (sent as null)."""


NOBODY = Account.model_validate(_GHOST)


class Repository(Part):
    """The repository an event belongs to."""

    full_name: str
    default_branch: str = ""


class RepositoryName(Part):
    """A repository where only its name is told."""

    full_name: str


class Installation(Part):
    """The App's installation that the delivery was made for."""

    id: Id
    account: Account | None = None


class Label(Part):
    """A label by its name."""

    name: str


class Issue(Part):
    """An issue, or a pull request seen as one."""

    number: Number
    title: str
    body: Text = ""
    user: Somebody
    labels: tuple[Label, ...] = ()
    state: str = "open"
    is_pull_request: Annotated[
        bool, BeforeValidator(lambda v: v is not None and v is not False)
    ] = Field(default=False, validation_alias=AliasChoices("pull_request", "is_pull_request"))


class Comment(Part):
    """A comment below an issue or pull request."""

    id: Id
    body: Text = ""
    user: Somebody
    created_at: datetime
    updated_at: datetime


class Ref(Part):
    """One end of a pull request; the repository is null once a fork is deleted."""

    ref: str
    sha: str
    repo: RepositoryName | None = None


class PullRequest(Part):
    """A pull request."""

    number: Number
    title: str = ""
    state: str = "open"
    draft: bool = False
    merged: bool = False
    user: Somebody
    head: Ref
    base: Ref


class Review(Part):
    """A review; ``state`` is approved, changes_requested, commented or dismissed."""

    id: Id
    state: Lower
    body: Text = ""
    user: Somebody


class ReviewComment(Part):
    """A review's remark on a line; ``line`` is None once the line is outdated."""

    id: Id
    body: Text = ""
    user: Somebody
    path: str
    line: int | None = None
    diff_hunk: str = ""
    in_reply_to_id: Id | None = None
    pull_request_review_id: Id | None = None


class AppName(Part):
    """The App that a check belongs to."""

    id: Id
    slug: Text = ""


class CheckSuite(Part):
    """All check runs of one App on a commit; the branch is null for a commit of a fork."""

    id: Id
    head_branch: Text = ""
    head_sha: str
    conclusion: Text = ""
    app: AppName | None = None


class CheckRun(Part):
    """A check run; ``external_id`` is what Baton gave it."""

    id: Id
    name: str
    head_sha: str
    external_id: Text = ""
