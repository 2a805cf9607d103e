"""Comments in the conversation of issues and pull requests."""

from datetime import datetime
from typing import Literal

from fastapi import APIRouter
from pydantic import BaseModel
from sqlalchemy import delete, select

from bot.demo.forge import acts
from bot.demo.forge.config import Level
from bot.demo.forge.core import Json
from bot.demo.forge.problems import forbidden_to_app, forbidden_to_person, invalid, not_found
from bot.demo.forge.rest.access import AtIssues, AtIssuesWrite, Place
from bot.demo.forge.rest.paging import AnyPage, page_of
from bot.demo.forge.tables import Comment, Issue, Reaction
from bot.demo.forge.views import issues as views

router = APIRouter(prefix="/repos/{owner}/{repo}")


class CommentText(BaseModel):
    """What a comment says."""

    body: str | None = None


@router.get("/issues/comments")
async def list_repository_comments(
    at: AtIssues,
    page: AnyPage,
    since: datetime | None = None,
    sort: Literal["created", "updated"] = "created",
    direction: Literal["asc", "desc"] = "asc",
) -> list[Json]:
    """List comments of all issues of a repository."""
    query = select(Comment).join(Comment.issue).where(Issue.repository_id == at.repo.id)
    if since:
        query = query.where(Comment.updated_at >= since)
    column = Comment.updated_at if sort == "updated" else Comment.id
    ordered = query.order_by(column.asc() if direction == "asc" else column.desc())
    rows = await page_of(at, page, ordered)
    return [await views.comment(at.unit, at.repo, row) for row in rows]


@router.get("/issues/{number}/comments")
async def list_comments(
    at: AtIssues, number: int, page: AnyPage, since: datetime | None = None
) -> list[Json]:
    """List comments of an issue, the oldest first."""
    issue = await at.issue(number)
    query = select(Comment).where(Comment.issue_id == issue.id).order_by(Comment.id)
    if since:
        query = query.where(Comment.updated_at >= since)
    rows = await page_of(at, page, query)
    return [await views.comment(at.unit, at.repo, row) for row in rows]


@router.post("/issues/{number}/comments", status_code=201)
async def create_comment(at: AtIssuesWrite, number: int, wanted: CommentText) -> Json:
    """Comment on an issue."""
    issue = await at.issue(number)
    comment = Comment(
        issue=issue,
        author=at.user,
        body=_checked(wanted.body),
        created_at=at.unit.now,
        updated_at=at.unit.now,
    )
    at.session.add(comment)
    issue.updated_at = at.unit.now
    await _announce(at, comment, "created")
    return await views.comment(at.unit, at.repo, comment)


@router.get("/issues/comments/{comment_id}")
async def get_comment(at: AtIssues, comment_id: int) -> Json:
    """Get a comment."""
    return await views.comment(at.unit, at.repo, await _find(at, comment_id))


@router.patch("/issues/comments/{comment_id}")
async def update_comment(at: AtIssuesWrite, comment_id: int, wanted: CommentText) -> Json:
    """Edit a comment."""
    comment = await _find_own(at, comment_id)
    before, comment.body = comment.body, _checked(wanted.body)
    if before != comment.body:
        comment.updated_at = comment.issue.updated_at = at.unit.now
        await _announce(at, comment, "edited", changes={"body": {"from": before}})
    return await views.comment(at.unit, at.repo, comment)


@router.delete("/issues/comments/{comment_id}", status_code=204)
async def delete_comment(at: AtIssuesWrite, comment_id: int) -> None:
    """Delete a comment."""
    comment = await _find_own(at, comment_id)
    await _announce(at, comment, "deleted")
    where = (Reaction.kind == "comment", Reaction.subject_id == comment.id)
    await at.session.execute(delete(Reaction).where(*where))
    await at.session.delete(comment)


def _checked(body: str | None) -> str:
    if not body or not body.strip():
        raise invalid("IssueComment", "body", "missing_field", "body can't be blank")
    acts.check_body("IssueComment", body)
    return body


async def _find(at: Place, comment_id: int) -> Comment:
    comment = await at.session.get(Comment, comment_id)
    if comment is None or comment.issue.repository_id != at.repo.id:
        raise not_found()
    at.allow_for(comment.issue)
    return comment


async def _find_own(at: Place, comment_id: int) -> Comment:
    """Find a comment that the caller may change: an App its own, writers every one."""
    comment = await _find(at, comment_id)
    if comment.author_id == at.user.id:
        return comment
    if at.unit.actor.installation:
        raise forbidden_to_app()
    if await at.level() < Level.WRITE:
        raise forbidden_to_person(Level.ADMIN.role)
    return comment


async def _announce(at: Place, comment: Comment, action: str, **more: Json) -> None:
    await at.session.flush()
    payload = {
        "action": action,
        "issue": await views.issue(at.unit, at.repo, comment.issue),
        "comment": await views.comment(at.unit, at.repo, comment),
        **more,
    }
    await acts.announce(at.unit, "issue_comment", at.repo, payload)
