"""What happened on an issue or pull request, in order, for the pages."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, TypeVar

from sqlalchemy import Select, select

from bot.demo.forge.core import Unit
from bot.demo.forge.tables import (
    Account,
    Comment,
    Happening,
    Issue,
    Reaction,
    Review,
    ReviewComment,
)

T = TypeVar("T")
_EMOJI = {
    "+1": "👍",
    "-1": "👎",
    "laugh": "😄",
    "confused": "😕",
    "heart": "❤️",
    "hooray": "🎉",
    "rocket": "🚀",
    "eyes": "👀",
}
_DECISIONS = ("/approve", "/deny")


@dataclass(frozen=True)
class Entry:
    """One entry: a comment, a review with its remarks, or something that happened."""

    kind: Literal["comment", "review", "happening"]
    at: datetime
    author: Account
    row: Comment | Review | Happening
    remarks: Sequence[ReviewComment] = ()
    reactions: Sequence[tuple[str, int]] = ()


async def timeline(unit: Unit, issue: Issue) -> list[Entry]:
    """Collect the entries, the oldest first."""
    happenings = select(Happening).where(Happening.issue_id == issue.id).order_by(Happening.id)
    reviews = select(Review).where(Review.pull_id == issue.id).order_by(Review.id)
    comments = select(Comment).where(Comment.issue_id == issue.id).order_by(Comment.id)
    entries = [
        Entry("happening", row.created_at, row.actor, row) for row in await _all(unit, happenings)
    ]
    for review in await _all(unit, reviews):
        if review.submitted_at:
            remarks = await remarks_of(unit, review.id)
            entries.append(Entry("review", review.submitted_at, review.author, review, remarks))
    for comment in await _all(unit, comments):
        reactions = await reactions_on(unit, "comment", comment.id)
        entries.append(Entry("comment", comment.created_at, comment.author, comment, (), reactions))
    return sorted(entries, key=lambda entry: (entry.at, entry.row.order))


async def reactions_on(unit: Unit, kind: str, subject_id: int) -> list[tuple[str, int]]:
    """Count the reactions on a subject, as emoji."""
    query = select(Reaction.content).where(Reaction.kind == kind, Reaction.subject_id == subject_id)
    given = list(await unit.session.scalars(query))
    return [(_EMOJI[name], given.count(name)) for name in _EMOJI if name in given]


def questions(entries: Sequence[Entry]) -> tuple[str, ...]:
    """Return the commands that a person may want to answer the bot with."""
    said = [entry.row for entry in entries if isinstance(entry.row, Comment)]
    if not any(comment.author.is_bot for comment in said):
        return ()
    waiting = False
    for comment in said:
        if comment.author.is_bot:
            waiting = waiting or _DECISIONS[0] in comment.body
        elif comment.body.startswith(_DECISIONS):
            waiting = False
    return (*(_DECISIONS if waiting else ()), "/status", "/cancel")


async def remarks_of(unit: Unit, review_id: int) -> list[ReviewComment]:
    """Return the comments of a review."""
    query = select(ReviewComment).where(ReviewComment.review_id == review_id)
    return await _all(unit, query.order_by(ReviewComment.id))


async def _all(unit: Unit, query: Select[T]) -> list[T]:
    return list(await unit.session.scalars(query))
