"""Reviews of pull requests and the comments on their lines."""

import time
from typing import Any, Literal

from fastapi import APIRouter
from pydantic import BaseModel
from sqlalchemy import delete, select

from bot.demo.forge import acts
from bot.demo.forge.config import Level
from bot.demo.forge.core import Json
from bot.demo.forge.problems import Problem, forbidden_to_person, invalid, not_found
from bot.demo.forge.rest.access import AtPulls, AtPullsWrite, Place
from bot.demo.forge.rest.paging import AnyPage, page_of
from bot.demo.forge.rest.pulls import files_of
from bot.demo.forge.reviewing import LineComment, OutsideDiff, Spot, locate
from bot.demo.forge.tables import Issue, Pull, Reaction, Review, ReviewComment
from bot.demo.forge.views import pulls as views

router = APIRouter(prefix="/repos/{owner}/{repo}/pulls")
Verdict = Literal["APPROVE", "REQUEST_CHANGES", "COMMENT"]
_STATES = {
    "APPROVE": "APPROVED",
    "REQUEST_CHANGES": "CHANGES_REQUESTED",
    "COMMENT": "COMMENTED",
    None: "PENDING",
}
_OWN = {
    "APPROVE": "Can not approve your own pull request",
    "REQUEST_CHANGES": "Can not request changes on your own pull request",
}


class NewReview(BaseModel):
    """A review to write; without an event it waits as a draft."""

    body: str | None = None
    event: Verdict | None = None
    commit_id: str | None = None
    comments: list[LineComment] = []


class Submission(BaseModel):
    """What a waiting review becomes."""

    event: Verdict
    body: str | None = None


class NewComment(BaseModel):
    """A comment on a line, or the answer to one."""

    body: str
    path: str | None = None
    commit_id: str | None = None
    line: int | None = None
    side: Literal["LEFT", "RIGHT"] = "RIGHT"
    start_line: int | None = None
    start_side: Literal["LEFT", "RIGHT"] | None = None
    position: int | None = None
    in_reply_to: int | None = None


class Answer(BaseModel):
    """The text of an answer or of an edit."""

    body: str


@router.get("/{number}/reviews")
async def list_reviews(at: AtPulls, number: int, page: AnyPage) -> list[Json]:
    """List reviews, the oldest first; drafts only to their author."""
    pull = await at.pull(number)
    mine = at.unit.actor.account.id if at.unit.actor.account else 0
    seen = (Review.state != "PENDING") | (Review.author_id == mine)
    query = select(Review).where(Review.pull_id == pull.id, seen).order_by(Review.id)
    rows = await page_of(at, page, query)
    return [await views.review(at.unit, at.repo, pull, row) for row in rows]


@router.post("/{number}/reviews")
async def create_review(at: AtPullsWrite, number: int, wanted: NewReview) -> Json:
    """Review a pull request."""
    pull = await at.pull(number)
    _check(at, pull, wanted.event, wanted.body, has_comments=bool(wanted.comments))
    acts.check_body("PullRequestReview", wanted.body)
    files = await files_of(at, pull) if wanted.comments else ()
    try:
        spots = [locate(files, comment) for comment in wanted.comments]
    except OutsideDiff as outside:
        # In a review GitHub says the same with fewer words than for a single comment.
        words = f"{outside.field.title()} could not be resolved"
        raise Problem(422, "Unprocessable Entity", errors=[words]) from outside
    review = await _add_review(at, pull, wanted.event, wanted.body or "", wanted.commit_id)
    for comment, spot in zip(wanted.comments, spots, strict=True):
        await _add_comment(at, pull, review, comment, spot)
    await _submit(at, pull, review)
    return await views.review(at.unit, at.repo, pull, review)


@router.get("/{number}/reviews/{review_id}")
async def get_review(at: AtPulls, number: int, review_id: int) -> Json:
    """Get a review."""
    pull = await at.pull(number)
    return await views.review(at.unit, at.repo, pull, await _review(at, pull, review_id))


@router.post("/{number}/reviews/{review_id}/events")
async def submit_review(at: AtPullsWrite, number: int, review_id: int, wanted: Submission) -> Json:
    """Submit a review that waits as a draft."""
    pull = await at.pull(number)
    review = await _review(at, pull, review_id)
    if review.state != "PENDING" or review.author_id != at.user.id:
        raise Problem(422, "Unprocessable Entity", errors=["Could not submit the review"])
    _check(at, pull, wanted.event, wanted.body or review.body, has_comments=True)
    review.state, review.submitted_at = _STATES[wanted.event], at.unit.now
    review.order = time.time_ns()
    review.body = wanted.body or review.body
    await _submit(at, pull, review)
    return await views.review(at.unit, at.repo, pull, review)


@router.get("/{number}/reviews/{review_id}/comments")
async def list_comments_of_review(
    at: AtPulls, number: int, review_id: int, page: AnyPage
) -> list[Json]:
    """List the comments of a review."""
    pull = await at.pull(number)
    review = await _review(at, pull, review_id)
    query = select(ReviewComment).where(ReviewComment.review_id == review.id)
    rows = await page_of(at, page, query.order_by(ReviewComment.id))
    return [await _view(at, pull, row) for row in rows]


@router.get("/{number}/comments")
async def list_comments(at: AtPulls, number: int, page: AnyPage) -> list[Json]:
    """List the comments on lines of a pull request."""
    pull = await at.pull(number)
    query = (
        select(ReviewComment)
        .join(Review, ReviewComment.review_id == Review.id)
        .where(ReviewComment.pull_id == pull.id, Review.state != "PENDING")
    )
    rows = await page_of(at, page, query.order_by(ReviewComment.id))
    return [await _view(at, pull, row) for row in rows]


@router.post("/{number}/comments", status_code=201)
async def create_comment(at: AtPullsWrite, number: int, wanted: NewComment) -> Json:
    """Comment on a line."""
    pull = await at.pull(number)
    if wanted.in_reply_to:
        return await _reply(at, pull, wanted.in_reply_to, wanted.body)
    if not wanted.path or not (wanted.line or wanted.position):
        field = "line" if wanted.path else "path"
        raise invalid("PullRequestReviewComment", field, "missing_field")
    comment = LineComment(**wanted.model_dump(exclude={"commit_id", "in_reply_to"}))
    spot = locate(await files_of(at, pull), comment)
    review = await _add_review(at, pull, "COMMENT", "", wanted.commit_id)
    row = await _add_comment(at, pull, review, comment, spot)
    await _submit(at, pull, review)
    return await _view(at, pull, row)


@router.post("/{number}/comments/{comment_id}/replies", status_code=201)
async def create_reply(at: AtPullsWrite, number: int, comment_id: int, wanted: Answer) -> Json:
    """Answer a comment on a line."""
    return await _reply(at, await at.pull(number), comment_id, wanted.body)


@router.get("/comments/{comment_id}")
async def get_comment(at: AtPulls, comment_id: int) -> Json:
    """Get a comment on a line."""
    row, pull = await _find_comment(at, comment_id)
    return await _view(at, pull, row)


@router.patch("/comments/{comment_id}")
async def update_comment(at: AtPullsWrite, comment_id: int, wanted: Answer) -> Json:
    """Edit a comment on a line."""
    row, pull = await _find_own_comment(at, comment_id)
    acts.check_body("PullRequestReviewComment", wanted.body)
    row.body, row.updated_at = wanted.body, at.unit.now
    await at.session.flush()
    return await _view(at, pull, row)


@router.delete("/comments/{comment_id}", status_code=204)
async def delete_comment(at: AtPullsWrite, comment_id: int) -> None:
    """Delete a comment on a line."""
    row, _ = await _find_own_comment(at, comment_id)
    where = (Reaction.kind == "review_comment", Reaction.subject_id == row.id)
    await at.session.execute(delete(Reaction).where(*where))
    await at.session.delete(row)


def _check(
    at: Place, pull: Pull, event: Verdict | None, body: str | None, *, has_comments: bool
) -> None:
    own = pull.issue.author_id == at.user.id
    if own and event in _OWN:
        raise Problem(422, "Unprocessable Entity", errors=[_OWN[event]])
    if event == "REQUEST_CHANGES" and not body:
        raise Problem(422, "Unprocessable Entity", errors=["Body can not be blank"])
    if event == "COMMENT" and not (body or has_comments):
        raise Problem(422, "Unprocessable Entity", errors=["Body can not be blank"])


async def _add_review(
    at: Place, pull: Pull, event: Verdict | None, body: str, commit_id: str | None
) -> Review:
    review = Review(
        pull_id=pull.id,
        author=at.user,
        state=_STATES[event],
        body=body,
        commit_id=commit_id or pull.head_sha,
        submitted_at=at.unit.now if event else None,
    )
    at.session.add(review)
    await at.session.flush()
    return review


async def _add_comment(
    at: Place, pull: Pull, review: Review, wanted: LineComment, spot: Spot
) -> ReviewComment:
    acts.check_body("PullRequestReviewComment", wanted.body)
    row = ReviewComment(
        pull_id=pull.id,
        review_id=review.id,
        author=at.user,
        body=wanted.body,
        path=wanted.path,
        side=spot.side,
        line=spot.line,
        start_line=wanted.start_line,
        start_side=wanted.start_side or (spot.side if wanted.start_line else None),
        position=spot.position,
        commit_id=review.commit_id,
        original_commit_id=review.commit_id,
        diff_hunk=spot.hunk,
        in_reply_to_id=None,
        created_at=at.unit.now,
        updated_at=at.unit.now,
    )
    at.session.add(row)
    await at.session.flush()
    return row


async def _reply(at: Place, pull: Pull, comment_id: int, body: str) -> Json:
    first, owner = await _find_comment(at, comment_id)
    if owner.id != pull.id:
        raise not_found()
    acts.check_body("PullRequestReviewComment", body)
    review = await _add_review(at, pull, "COMMENT", "", None)
    copied: dict[str, Any] = {
        key: getattr(first, key)
        for key in ("path", "side", "line", "start_line", "start_side", "position", "diff_hunk")
    }
    row = ReviewComment(
        pull_id=pull.id,
        review_id=review.id,
        author=at.user,
        body=body,
        commit_id=first.commit_id,
        original_commit_id=first.original_commit_id,
        in_reply_to_id=first.in_reply_to_id or first.id,
        created_at=at.unit.now,
        updated_at=at.unit.now,
        **copied,
    )
    at.session.add(row)
    await at.session.flush()
    await _submit(at, pull, review)
    return await _view(at, pull, row)


async def _submit(at: Place, pull: Pull, review: Review) -> None:
    """Tell about a review and its comments, unless it is a draft."""
    if review.state == "PENDING":
        return
    pull.issue.updated_at = at.unit.now
    await at.session.flush()
    simple = await views.pull(at.unit, at.repo, pull)
    body = await views.review(at.unit, at.repo, pull, review)
    body["state"] = review.state.lower()
    payload = {"action": "submitted", "review": body, "pull_request": simple}
    await acts.announce(at.unit, "pull_request_review", at.repo, payload)
    query = select(ReviewComment).where(ReviewComment.review_id == review.id)
    for row in await at.session.scalars(query.order_by(ReviewComment.id)):
        comment = {
            "action": "created",
            "comment": await _view(at, pull, row),
            "pull_request": simple,
        }
        await acts.announce(at.unit, "pull_request_review_comment", at.repo, comment)


async def _review(at: Place, pull: Pull, review_id: int) -> Review:
    row = await at.session.get(Review, review_id)
    if row is None or row.pull_id != pull.id:
        raise not_found()
    return row


async def _find_comment(at: Place, comment_id: int) -> tuple[ReviewComment, Pull]:
    row = await at.session.get(ReviewComment, comment_id)
    if row is None:
        raise not_found()
    issue = await at.session.get_one(Issue, row.pull_id)
    if issue.repository_id != at.repo.id or issue.pull is None:
        raise not_found()
    return row, issue.pull


async def _find_own_comment(at: Place, comment_id: int) -> tuple[ReviewComment, Pull]:
    row, pull = await _find_comment(at, comment_id)
    if row.author_id != at.user.id and await at.level() < Level.WRITE:
        raise forbidden_to_person(Level.ADMIN.role)
    return row, pull


async def _view(at: Place, pull: Pull, row: ReviewComment) -> Json:
    return await views.review_comment(at.unit, at.repo, pull, row)
