"""Issues."""

from datetime import datetime
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query
from pydantic import BaseModel
from sqlalchemy import Select, func, select

from bot.demo.forge import acts
from bot.demo.forge.config import Level
from bot.demo.forge.core import Json
from bot.demo.forge.problems import forbidden_to_app, forbidden_to_person, unacceptable
from bot.demo.forge.rest.access import AtIssues, AtIssuesWrite, Place
from bot.demo.forge.rest.labels import find_or_make, names_of, replace
from bot.demo.forge.rest.paging import AnyPage, page_of
from bot.demo.forge.tables import Account, Issue, Label
from bot.demo.forge.views.issues import issue as view

router = APIRouter(prefix="/repos/{owner}/{repo}")


class NewIssue(BaseModel):
    """An issue to open."""

    title: str | int | None = None
    body: str | None = None
    labels: list[Any] | None = None


class IssueChange(BaseModel):
    """What is to change about an issue; only what is named changes."""

    title: str | int | None = None
    body: str | None = None
    state: Literal["open", "closed"] | None = None
    state_reason: Literal["completed", "not_planned", "duplicate", "reopened"] | None = None
    labels: list[Any] | None = None


class Filter(BaseModel):
    """Which issues a list shows, and in which order."""

    state: Literal["open", "closed", "all"] = "open"
    labels: str = ""
    creator: str = ""
    since: datetime | None = None
    sort: Literal["created", "updated", "comments"] = "created"
    direction: Literal["asc", "desc"] = "desc"

    def apply(self, query: Select[Issue]) -> Select[Issue]:
        """Narrow and order a query."""
        if self.state != "all":
            query = query.where(Issue.state == self.state)
        for name in filter(None, self.labels.split(",")):
            query = query.where(Issue.labels.any(func.lower(Label.name) == name.lower()))
        if self.creator:
            query = query.where(Issue.author.has(Account.login == self.creator))
        if self.since:
            query = query.where(Issue.updated_at >= self.since)
        column = Issue.updated_at if self.sort == "updated" else Issue.number
        return query.order_by(column.asc() if self.direction == "asc" else column.desc())


@router.get("/issues")
async def list_issues(
    at: AtIssues, page: AnyPage, chosen: Annotated[Filter, Query()]
) -> list[Json]:
    """List issues, pull requests among them."""
    query = chosen.apply(select(Issue).where(Issue.repository_id == at.repo.id))
    rows = await page_of(at, page, query)
    return [await view(at.unit, at.repo, row) for row in rows]


@router.post("/issues", status_code=201)
async def create_issue(at: AtIssuesWrite, wanted: NewIssue) -> Json:
    """Open an issue."""
    actor = at.unit.actor
    if actor.installation and not actor.granted("issues", "write"):
        raise forbidden_to_app()
    if wanted.title is None or not str(wanted.title).strip():
        raise unacceptable('"title" wasn\'t supplied.')
    title = str(wanted.title)
    acts.check_title("Issue", title)
    acts.check_body("Issue", wanted.body)
    issue = Issue(
        repository_id=at.repo.id,
        number=await acts.next_number(at.repo),
        title=title,
        body=wanted.body,
        author=at.user,
        created_at=at.unit.now,
        updated_at=at.unit.now,
        labels=[],
        pull_row=None,
    )
    at.session.add(issue)
    # GitHub ignores the labels of people who may not label.
    names = names_of(wanted.labels or []) if await at.level() >= Level.TRIAGE else []
    labels = [await find_or_make(at, name) for name in names]
    issue.labels.extend(labels)
    await acts.announce_issue(at.unit, at.repo, issue, "opened")
    for label in labels:
        await acts.announce_label(at.unit, at.repo, issue, label, "labeled")
    return await view(at.unit, at.repo, issue)


@router.get("/issues/{number}")
async def get_issue(at: AtIssues, number: int) -> Json:
    """Get an issue."""
    return await view(at.unit, at.repo, await at.issue(number))


@router.patch("/issues/{number}")
async def update_issue(at: AtIssuesWrite, number: int, wanted: IssueChange) -> Json:
    """Update an issue: its text, labels or state."""
    issue = await at.issue(number)
    if issue.author_id != at.user.id and await at.level() < Level.TRIAGE:
        raise forbidden_to_person(Level.TRIAGE.role)
    given = wanted.model_fields_set
    await edit(
        at,
        issue,
        str(wanted.title) if wanted.title is not None else None,
        wanted.body if "body" in given else issue.body,
    )
    if wanted.labels is not None:
        await replace(at, issue, names_of(wanted.labels))
    if wanted.state == "closed":
        await acts.close(at.unit, at.repo, issue, wanted.state_reason or "completed")
    elif wanted.state == "open":
        await acts.reopen(at.unit, at.repo, issue)
    await at.session.flush()
    return await view(at.unit, at.repo, issue)


async def edit(at: Place, issue: Issue, title: str | None, body: str | None) -> None:
    """Change title and body; the event tells what they were."""
    kind = "PullRequest" if issue.pull else "Issue"
    changes: Json = {}
    if title is not None and title != issue.title:
        acts.check_title(kind, title)
        changes["title"] = {"from": issue.title}
        acts.note(at.unit, issue, "renamed", **{"from": issue.title, "to": title})
        issue.title = title
    if body != issue.body:
        acts.check_body(kind, body)
        changes["body"] = {"from": issue.body or ""}
        issue.body = body
    if changes:
        issue.updated_at = at.unit.now
        await acts.announce_issue(at.unit, at.repo, issue, "edited", changes=changes)
