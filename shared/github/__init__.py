"""GitHub as Baton uses it: an App's or a person's credentials, repositories, no vendor types."""

from shared.github.checks import Check, FailedCheck
from shared.github.connection import GitHub
from shared.github.conversation import Reaction
from shared.github.limits import cut, cut_title
from shared.github.news import ListedComment, ListedIssue
from shared.github.pace import Pace
from shared.github.repo import GitHubRepo
from shared.github.urls import GitHubUrls
from shared.github.values import (
    Annotation,
    AnnotationLevel,
    Branch,
    CheckRun,
    CheckStatus,
    Comment,
    Conclusion,
    HookDelivery,
    Identity,
    Installation,
    Label,
    Permission,
    PullRequest,
    Registration,
    Review,
    ReviewComment,
)

__all__ = [
    "Annotation",
    "AnnotationLevel",
    "Branch",
    "Check",
    "CheckRun",
    "CheckStatus",
    "Comment",
    "Conclusion",
    "FailedCheck",
    "GitHub",
    "GitHubRepo",
    "GitHubUrls",
    "HookDelivery",
    "Identity",
    "Installation",
    "Label",
    "ListedComment",
    "ListedIssue",
    "Pace",
    "Permission",
    "PullRequest",
    "Reaction",
    "Registration",
    "Review",
    "ReviewComment",
    "cut",
    "cut_title",
]
