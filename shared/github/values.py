"""What is read from GitHub: frozen values of only the fields that Baton uses.

They are validated straight from the REST answers and dump to flat JSON that validates again,
so a durable step can return them.
"""

from collections.abc import Mapping
from datetime import datetime
from enum import IntEnum, StrEnum
from typing import Annotated

from pydantic import AliasChoices, AliasPath, BaseModel, BeforeValidator, ConfigDict, Field

from shared.domain import Value


class Read(BaseModel):
    """Base of every value read from an answer; unknown fields are dropped."""

    model_config = ConfigDict(frozen=True, extra="ignore", populate_by_name=True)


def _login(user: object) -> object:
    if user is None:
        return "ghost"  # GitHub's stand-in for a deleted account
    return user.get("login") if isinstance(user, dict) else user


Login = Annotated[str, BeforeValidator(_login)]
Text = Annotated[str, BeforeValidator(lambda value: "" if value is None else value)]
Lower = Annotated[str, BeforeValidator(lambda v: v.lower() if isinstance(v, str) else v)]

_author = Field(validation_alias=AliasChoices("user", "author"))
_url = Field(default="", validation_alias=AliasChoices("html_url", "url"))


class Permission(IntEnum):
    """What somebody may do in a repository, in rising order."""

    NONE = 0
    READ = 1
    TRIAGE = 2
    WRITE = 3
    MAINTAIN = 4
    ADMIN = 5

    @property
    def may_write(self) -> bool:
        """Tell whether this somebody may approve what Baton does."""
        return self >= Permission.WRITE


class Identity(Read):
    """Who Baton is on GitHub; name and email are for commits."""

    login: str
    id: int
    name: str
    email: str


class Installation(Read):
    """Where the App is installed, and what it was granted there."""

    account: Login
    permissions: Mapping[str, str] = Field(default_factory=dict)
    suspended_at: datetime | None = None


class HookDelivery(Read):
    """One attempt to deliver a webhook of the App; ``status_code`` is 0 without an answer."""

    id: int
    guid: str
    delivered_at: datetime
    status_code: int
    event: str
    action: str | None = None


class Registration(Read):
    """The App as GitHub knows it; ``owner_type`` is User or Organization."""

    slug: str
    owner: str = Field(default="", validation_alias=AliasPath("owner", "login"))
    owner_type: str = Field(default="User", validation_alias=AliasPath("owner", "type"))
    permissions: Mapping[str, str]
    events: tuple[str, ...]
    installations: tuple[Installation, ...] = ()

    @property
    def settings_path(self) -> str:
        """The path of the pages on which its owner edits it."""
        of = f"/organizations/{self.owner}" if self.owner_type == "Organization" else ""
        return f"{of}/settings/apps/{self.slug}"


class Branch(Read):
    """A branch and the commit it points to."""

    name: str
    sha: str = Field(validation_alias=AliasChoices(AliasPath("commit", "sha"), "sha"))


class Label(Value):
    """A label; ``color`` is six hexadecimal digits. GitHub's limits on the lengths."""

    name: str = Field(min_length=1, max_length=50)
    color: str = Field(default="ededed", pattern=r"^[0-9a-fA-F]{6}$")
    description: str = Field(default="", max_length=100)


class Comment(Read):
    """A comment below an issue or pull request."""

    id: int
    body: Text = ""
    author: Login = _author
    created_at: datetime
    updated_at: datetime
    url: str = _url


class PullRequest(Read):
    """A pull request; ``head`` and ``base`` are branch names."""

    number: int
    node_id: str
    title: str
    body: Text = ""
    state: str
    draft: bool = False
    merged_at: datetime | None = None
    author: Login = _author
    head: str = Field(validation_alias=AliasChoices(AliasPath("head", "ref"), "head"))
    head_sha: str = Field(validation_alias=AliasChoices(AliasPath("head", "sha"), "head_sha"))
    base: str = Field(validation_alias=AliasChoices(AliasPath("base", "ref"), "base"))
    base_sha: str = Field(validation_alias=AliasChoices(AliasPath("base", "sha"), "base_sha"))
    url: str = _url

    @property
    def is_open(self) -> bool:
        """Tell whether it still waits for a decision."""
        return self.state == "open"

    @property
    def merged(self) -> bool:
        """Tell whether it was merged."""
        return self.merged_at is not None


class Review(Read):
    """A review; ``state`` is approved, changes_requested, commented, dismissed or pending."""

    id: int
    state: Lower
    body: Text = ""
    author: Login = _author
    url: str = _url


class ReviewComment(Read):
    """A remark on a line of a diff; ``line`` is None once the line is outdated."""

    id: int
    path: str
    line: int | None = None
    diff_hunk: str = ""
    body: Text = ""
    author: Login = _author
    in_reply_to_id: int | None = None
    url: str = _url

    @property
    def thread(self) -> int:
        """The id of the remark that opened the thread; only that one can be answered."""
        return self.in_reply_to_id or self.id


class AnnotationLevel(StrEnum):
    """How much an annotation weighs."""

    NOTICE = "notice"
    WARNING = "warning"
    FAILURE = "failure"


class Annotation(Value):
    """A remark of a check run on lines of a file."""

    path: str
    start_line: int = Field(ge=1)
    end_line: int = Field(ge=1)
    annotation_level: AnnotationLevel
    message: str
    title: str = Field(default="", max_length=255)


class CheckStatus(StrEnum):
    """How far a check run is."""

    QUEUED = "queued"
    IN_PROGRESS = "in_progress"
    COMPLETED = "completed"


class Conclusion(StrEnum):
    """How a completed check run ended; those of GitHub's that Baton gives."""

    SUCCESS = "success"
    FAILURE = "failure"
    NEUTRAL = "neutral"
    CANCELLED = "cancelled"
    SKIPPED = "skipped"
    TIMED_OUT = "timed_out"
    ACTION_REQUIRED = "action_required"


class CheckRun(Read):
    """A check run as GitHub keeps it; ``annotations`` counts those it has."""

    id: int
    name: str
    head_sha: str
    status: str
    conclusion: str | None = None
    external_id: Text = ""
    annotations: int = Field(
        default=0,
        validation_alias=AliasChoices(AliasPath("output", "annotations_count"), "annotations"),
    )
    url: str = _url
