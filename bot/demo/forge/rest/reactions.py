"""Reactions on issues and comments."""

from typing import Annotated, Literal

from fastapi import APIRouter, Depends
from pydantic import BaseModel
from sqlalchemy import select

from bot.demo.forge.core import Json
from bot.demo.forge.problems import forbidden_to_app, not_found
from bot.demo.forge.rest.access import AtIssues, AtIssuesWrite, AtPulls, AtPullsWrite, Place
from bot.demo.forge.rest.paging import AnyPage, page_of
from bot.demo.forge.tables import Comment, Issue, Reaction, ReviewComment
from bot.demo.forge.views.issues import reaction as view

router = APIRouter(prefix="/repos/{owner}/{repo}")
_ON_ISSUE = "/issues/{number}/reactions"
_ON_COMMENT = "/issues/comments/{comment_id}/reactions"
_ON_REVIEW_COMMENT = "/pulls/comments/{comment_id}/reactions"
Content = Literal["+1", "-1", "laugh", "confused", "heart", "hooray", "rocket", "eyes"]


class NewReaction(BaseModel):
    """The emoji to react with."""

    content: Content


async def _chosen(content: Content | None = None) -> Content | None:
    return content


Chosen = Annotated[Content | None, Depends(_chosen)]


@router.get(_ON_ISSUE)
async def list_for_issue(at: AtIssues, number: int, page: AnyPage, content: Chosen) -> list[Json]:
    """List reactions for an issue."""
    return await _list(at, page, "issue", (await at.issue(number)).id, content)


@router.post(_ON_ISSUE, status_code=201)
async def create_for_issue(at: AtIssuesWrite, number: int, wanted: NewReaction) -> Json:
    """React to an issue."""
    return await _react(at, "issue", (await at.issue(number)).id, wanted.content)


@router.delete(_ON_ISSUE + "/{reaction_id}", status_code=204)
async def delete_for_issue(at: AtIssuesWrite, number: int, reaction_id: int) -> None:
    """Take back a reaction to an issue."""
    await _take_back(at, "issue", (await at.issue(number)).id, reaction_id)


@router.get(_ON_COMMENT)
async def list_for_comment(
    at: AtIssues, comment_id: int, page: AnyPage, content: Chosen
) -> list[Json]:
    """List reactions for a comment."""
    return await _list(at, page, "comment", await _comment(at, comment_id), content)


@router.post(_ON_COMMENT, status_code=201)
async def create_for_comment(at: AtIssuesWrite, comment_id: int, wanted: NewReaction) -> Json:
    """React to a comment."""
    return await _react(at, "comment", await _comment(at, comment_id), wanted.content)


@router.delete(_ON_COMMENT + "/{reaction_id}", status_code=204)
async def delete_for_comment(at: AtIssuesWrite, comment_id: int, reaction_id: int) -> None:
    """Take back a reaction to a comment."""
    await _take_back(at, "comment", await _comment(at, comment_id), reaction_id)


@router.get(_ON_REVIEW_COMMENT)
async def list_for_review_comment(
    at: AtPulls, comment_id: int, page: AnyPage, content: Chosen
) -> list[Json]:
    """List reactions for a comment on a line."""
    subject = await _review_comment(at, comment_id)
    return await _list(at, page, "review_comment", subject, content)


@router.post(_ON_REVIEW_COMMENT, status_code=201)
async def create_for_review_comment(at: AtPullsWrite, comment_id: int, wanted: NewReaction) -> Json:
    """React to a comment on a line."""
    subject = await _review_comment(at, comment_id)
    return await _react(at, "review_comment", subject, wanted.content)


@router.delete(_ON_REVIEW_COMMENT + "/{reaction_id}", status_code=204)
async def delete_for_review_comment(at: AtPullsWrite, comment_id: int, reaction_id: int) -> None:
    """Take back a reaction to a comment on a line."""
    subject = await _review_comment(at, comment_id)
    await _take_back(at, "review_comment", subject, reaction_id)


async def _comment(at: Place, comment_id: int) -> int:
    comment = await at.session.get(Comment, comment_id)
    if comment is None or comment.issue.repository_id != at.repo.id:
        raise not_found()
    at.allow_for(comment.issue)
    return comment.id


async def _review_comment(at: Place, comment_id: int) -> int:
    comment = await at.session.get(ReviewComment, comment_id)
    if comment is None:
        raise not_found()
    issue = await at.session.get_one(Issue, comment.pull_id)
    if issue.repository_id != at.repo.id:
        raise not_found()
    return comment.id


async def _list(
    at: Place, page: AnyPage, kind: str, subject_id: int, content: Content | None
) -> list[Json]:
    query = select(Reaction).where(Reaction.kind == kind, Reaction.subject_id == subject_id)
    if content:
        query = query.where(Reaction.content == content)
    rows = await page_of(at, page, query.order_by(Reaction.id))
    return [view(at.unit, row) for row in rows]


async def _react(at: Place, kind: str, subject_id: int, content: str) -> Json:
    query = select(Reaction).where(
        Reaction.kind == kind,
        Reaction.subject_id == subject_id,
        Reaction.account_id == at.user.id,
        Reaction.content == content,
    )
    row = await at.session.scalar(query)
    if row:
        at.response.status_code = 200
        return view(at.unit, row)
    row = Reaction(
        kind=kind,
        subject_id=subject_id,
        account=at.user,
        content=content,
        created_at=at.unit.now,
    )
    at.session.add(row)
    await at.session.flush()
    return view(at.unit, row)


async def _take_back(at: Place, kind: str, subject_id: int, reaction_id: int) -> None:
    row = await at.session.get(Reaction, reaction_id)
    if row is None or (row.kind, row.subject_id) != (kind, subject_id):
        raise not_found()
    if row.account_id != at.user.id:
        raise forbidden_to_app()
    await at.session.delete(row)
