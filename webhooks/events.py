"""What happened: the events Baton listens to, and the actions of each."""

from collections.abc import Mapping
from typing import Annotated, ClassVar, Literal

from pydantic import Field

from webhooks.parts import (
    NOBODY,
    CheckRun,
    CheckSuite,
    Comment,
    Installation,
    Issue,
    Label,
    Part,
    PullRequest,
    Repository,
    RepositoryName,
    Review,
    ReviewComment,
    Somebody,
)


class _Event(Part):
    """What every event carries. ``actions`` are those Baton listens to; empty: it has none."""

    actions: ClassVar[frozenset[str]] = frozenset()

    action: str | None = None
    installation: Installation | None = None
    sender: Somebody = NOBODY


class _RepositoryEvent(_Event):
    repository: Repository


class Ping(_Event):
    """GitHub tries the address."""

    kind: Literal["ping"] = "ping"
    zen: str = ""
    repository: Repository | None = None


class IssuesEvent(_RepositoryEvent):
    """An issue changed."""

    actions = frozenset({"opened", "edited", "closed", "reopened", "labeled", "unlabeled"})
    kind: Literal["issues"] = "issues"
    issue: Issue
    label: Label | None = None


class IssueCommentEvent(_RepositoryEvent):
    """Somebody wrote, changed or deleted a comment."""

    actions = frozenset({"created", "edited", "deleted"})
    kind: Literal["issue_comment"] = "issue_comment"
    issue: Issue
    comment: Comment


class PullRequestEvent(_RepositoryEvent):
    """A pull request changed."""

    actions = frozenset(
        {
            "opened",
            "edited",
            "closed",
            "reopened",
            "synchronize",
            "ready_for_review",
            "converted_to_draft",
            "labeled",
            "unlabeled",
        }
    )
    kind: Literal["pull_request"] = "pull_request"
    pull_request: PullRequest
    label: Label | None = None


class PullRequestReviewEvent(_RepositoryEvent):
    """Somebody reviewed a pull request."""

    actions = frozenset({"submitted", "dismissed"})
    kind: Literal["pull_request_review"] = "pull_request_review"
    pull_request: PullRequest
    review: Review


class PullRequestReviewCommentEvent(_RepositoryEvent):
    """Somebody remarked on a line."""

    actions = frozenset({"created"})
    kind: Literal["pull_request_review_comment"] = "pull_request_review_comment"
    pull_request: PullRequest
    comment: ReviewComment


class CheckRunEvent(_RepositoryEvent):
    """Somebody asked for a check to be run again."""

    actions = frozenset({"rerequested"})
    kind: Literal["check_run"] = "check_run"
    check_run: CheckRun


class CheckSuiteEvent(_RepositoryEvent):
    """All checks of an App on a commit have come to their end, or somebody wants them again."""

    actions = frozenset({"completed", "rerequested"})
    kind: Literal["check_suite"] = "check_suite"
    check_suite: CheckSuite


class InstallationEvent(_Event):
    """The App was installed, removed or paused."""

    actions = frozenset({"created", "deleted", "suspend", "unsuspend", "new_permissions_accepted"})
    kind: Literal["installation"] = "installation"
    installation: Installation
    repositories: tuple[RepositoryName, ...] = ()


class InstallationRepositoriesEvent(_Event):
    """The App was given or denied repositories."""

    actions = frozenset({"added", "removed"})
    kind: Literal["installation_repositories"] = "installation_repositories"
    installation: Installation
    repositories_added: tuple[RepositoryName, ...] = ()
    repositories_removed: tuple[RepositoryName, ...] = ()


Event = Annotated[
    Ping
    | IssuesEvent
    | IssueCommentEvent
    | PullRequestEvent
    | PullRequestReviewEvent
    | PullRequestReviewCommentEvent
    | CheckRunEvent
    | CheckSuiteEvent
    | InstallationEvent
    | InstallationRepositoriesEvent,
    Field(discriminator="kind"),
]

MODELS: Mapping[str, type[_Event]] = {
    "ping": Ping,
    "issues": IssuesEvent,
    "issue_comment": IssueCommentEvent,
    "pull_request": PullRequestEvent,
    "pull_request_review": PullRequestReviewEvent,
    "pull_request_review_comment": PullRequestReviewCommentEvent,
    "check_run": CheckRunEvent,
    "check_suite": CheckSuiteEvent,
    "installation": InstallationEvent,
    "installation_repositories": InstallationRepositoriesEvent,
}
"""The events that are read, by the name in X-GitHub-Event; all others are ignored."""


def is_read(name: str, action: object) -> bool:
    """Tell whether Baton listens to this event and action."""
    model = MODELS.get(name)
    if model is None or not model.actions:
        return model is not None
    return isinstance(action, str) and action in model.actions
