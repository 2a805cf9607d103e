"""Pages of issues and pull requests."""

from dataclasses import dataclass
from typing import Any, Literal

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, PlainTextResponse, RedirectResponse, Response
from sqlalchemy import func, select

from bot.demo.forge import acts
from bot.demo.forge.bare import Commit
from bot.demo.forge.core import Unit
from bot.demo.forge.diffs import FileDiff, parse_diff
from bot.demo.forge.pages.timeline import questions, reactions_on, remarks_of, timeline
from bot.demo.forge.pages.visit import Visit, visit
from bot.demo.forge.problems import not_found
from bot.demo.forge.tables import (
    Account,
    CheckSuite,
    Comment,
    Happening,
    Issue,
    Pull,
    Repository,
    Review,
    ReviewComment,
)
from bot.demo.forge.views.checks import suite_state
from bot.demo.forge.views.pulls import base_tip, fork_point, is_clean

router = APIRouter(prefix="/{owner}/{repo}")
State = Literal["open", "closed"]


@dataclass(frozen=True)
class PullFacts:
    """What the tabs of a pull request show."""

    files: tuple[FileDiff, ...]
    commits: tuple[Commit, ...]
    suites: list[CheckSuite]
    mergeable: bool

    @property
    def runs(self) -> list[Any]:
        """Return the check runs of the head."""
        return [run for suite in self.suites for run in suite.linked()]

    @property
    def checks(self) -> str:
        """Sum the checks up in one word, or none when there are none."""
        if not self.runs:
            return ""
        status, conclusion = suite_state(self.suites[0])
        return conclusion or status


@router.get("/issues")
async def issues(request: Request, owner: str, repo: str, state: State = "open") -> HTMLResponse:
    """List issues."""
    async with visit(request, owner, repo) as seen:
        return await _list(seen, state, pulls=False)


@router.get("/pulls")
async def pulls(request: Request, owner: str, repo: str, state: State = "open") -> HTMLResponse:
    """List pull requests."""
    async with visit(request, owner, repo) as seen:
        return await _list(seen, state, pulls=True)


@router.get("/issues/new")
async def new_issue(request: Request, owner: str, repo: str) -> HTMLResponse:
    """Show the form for a new issue."""
    async with visit(request, owner, repo) as seen:
        return await seen.page("new_issue.html")


@router.get("/issues/{number}")
async def issue(request: Request, owner: str, repo: str, number: int) -> Response:
    """Show an issue with its conversation."""
    async with visit(request, owner, repo) as seen:
        row = await _find(seen, number)
        if row.pull:
            return RedirectResponse(f"/{seen.repository.full_name}/pull/{number}")
        context = await _conversation(seen, row)
        return await seen.page("issue.html", pull=None, tab="conversation", **context)


@router.get("/pull/{number}.diff")
async def diff(request: Request, owner: str, repo: str, number: int) -> PlainTextResponse:
    """Return the diff of a pull request as text."""
    async with visit(request, owner, repo) as seen:
        row = await _find_pull(seen, number)
        return PlainTextResponse(await _diff(seen.unit, seen.repository, row))


@router.get("/pull/{number}")
async def pull(request: Request, owner: str, repo: str, number: int) -> HTMLResponse:
    """Show a pull request with its conversation."""
    async with visit(request, owner, repo) as seen:
        row = await _find_pull(seen, number)
        context = await _conversation(seen, row.issue)
        facts = await _facts(seen, row)
        return await seen.page("issue.html", pull=row, facts=facts, tab="conversation", **context)


@router.get("/pull/{number}/{tab}")
async def pull_tab(
    request: Request,
    owner: str,
    repo: str,
    number: int,
    tab: Literal["files", "checks", "commits"],
    at: str = "",
) -> HTMLResponse:
    """Show another tab of a pull request; ``at`` is the line under which a form opens."""
    async with visit(request, owner, repo) as seen:
        row = await _find_pull(seen, number)
        return await seen.page(
            f"pull_{tab}.html",
            pull=row,
            issue=row.issue,
            facts=await _facts(seen, row),
            remarks=await _remarks(seen, row) if tab == "files" else {},
            tab=tab,
            at=at,
        )


async def _list(seen: Visit, state: State, *, pulls: bool) -> HTMLResponse:
    kind = Issue.pull_row.has() if pulls else ~Issue.pull_row.has()
    query = select(Issue).where(Issue.repository_id == seen.repository.id, kind)
    rows = await seen.unit.session.scalars(query.order_by(Issue.number.desc()))
    shown = list(rows)
    comments = select(Comment.issue_id, func.count()).group_by(Comment.issue_id)
    counts = {row[0]: row[1] for row in await seen.unit.session.execute(comments)}
    return await seen.page(
        "list.html",
        kind="pulls" if pulls else "issues",
        state=state,
        issues=[row for row in shown if row.state == state],
        counts={name: sum(row.state == name for row in shown) for name in ("open", "closed")},
        comments=counts,
    )


async def _find(seen: Visit, number: int) -> Issue:
    row = await acts.find_issue(seen.unit, seen.repository, number)
    if row is None:
        raise not_found()
    return row


async def _find_pull(seen: Visit, number: int) -> Pull:
    row = await _find(seen, number)
    if row.pull is None:
        raise not_found()
    return row.pull


async def _conversation(seen: Visit, row: Issue) -> dict[str, Any]:
    entries = await timeline(seen.unit, row)
    people: dict[int, Account] = {row.author.id: row.author}
    people |= {entry.author.id: entry.author for entry in entries}
    said = [entry for entry in entries if not isinstance(entry.row, Happening)]
    return {
        "issue": row,
        "entries": entries,
        "reactions": await reactions_on(seen.unit, "issue", row.id),
        "people": list(people.values()),
        "commands": questions(entries) if row.state == "open" else (),
        "comments": len(said),
        "related": await _related(seen, row),
        "associations": {
            person.id: (await seen.unit.association(seen.repository, person)).title()
            for person in people.values()
        },
    }


async def _related(seen: Visit, row: Issue) -> list[Issue]:
    """Find the pull requests that promise to close an issue, or the issues that one closes."""
    if row.pull:
        numbers = acts.promised(row.body or "")
        found = [await acts.find_issue(seen.unit, seen.repository, number) for number in numbers]
        return [one for one in found if one and not one.pull]
    query = select(Issue).where(Issue.repository_id == seen.repository.id, Issue.pull_row.has())
    rows = await seen.unit.session.scalars(query)
    return [one for one in rows if row.number in acts.promised(one.body or "")]


async def _facts(seen: Visit, row: Pull) -> PullFacts:
    bare = seen.unit.forge.bare(seen.repository)
    text = await _diff(seen.unit, seen.repository, row)
    suites = await seen.unit.session.scalars(
        select(CheckSuite).where(
            CheckSuite.repository_id == seen.repository.id, CheckSuite.head_sha == row.head_sha
        )
    )
    tip = await base_tip(seen.unit, seen.repository, row)
    commits = await bare.log(f"{tip}..{row.head_sha}")
    clean = await is_clean(seen.unit, seen.repository, row)
    return PullFacts(parse_diff(text), commits[::-1], list(suites), clean)


async def _diff(unit: Unit, repo: Repository, row: Pull) -> str:
    start = await fork_point(unit, repo, row)
    return await unit.forge.bare(repo).diff(start, row.head_sha)


async def _remarks(seen: Visit, row: Pull) -> dict[tuple[str, str, int], list[ReviewComment]]:
    """Collect the remarks on each line: path, side and line."""
    found: dict[tuple[str, str, int], list[ReviewComment]] = {}
    query = select(Review).where(Review.pull_id == row.id, Review.state != "PENDING")
    for review in await seen.unit.session.scalars(query.order_by(Review.id)):
        for remark in await remarks_of(seen.unit, review.id):
            found.setdefault((remark.path, remark.side, remark.line), []).append(remark)
    return found
