"""Pull requests: open, list, change, look into."""

from typing import Annotated, Literal

from fastapi import APIRouter, Header
from fastapi.responses import PlainTextResponse, Response
from pydantic import BaseModel
from sqlalchemy import select

from bot.demo.forge import acts
from bot.demo.forge.config import Level
from bot.demo.forge.core import Json
from bot.demo.forge.diffs import FileDiff, parse_diff
from bot.demo.forge.problems import Problem, forbidden_to_person, invalid, unacceptable
from bot.demo.forge.rest.access import AtPulls, AtPullsWrite, Place
from bot.demo.forge.rest.issues import edit
from bot.demo.forge.rest.paging import AnyPage, cut, page_of
from bot.demo.forge.tables import Issue, Pull
from bot.demo.forge.views import commits, pulls

router = APIRouter(prefix="/repos/{owner}/{repo}/pulls")
_HEADS = "refs/heads/"


class NewPull(BaseModel):
    """A pull request to open."""

    title: str | None = None
    head: str
    base: str
    body: str | None = None
    draft: bool = False
    maintainer_can_modify: bool = False


class PullChange(BaseModel):
    """What is to change about a pull request; only what is named changes."""

    title: str | None = None
    body: str | None = None
    state: Literal["open", "closed"] | None = None
    base: str | None = None


@router.get("")
async def list_pulls(
    at: AtPulls,
    page: AnyPage,
    state: Literal["open", "closed", "all"] = "open",
    head: str | None = None,
    base: str | None = None,
    direction: Literal["asc", "desc"] = "desc",
) -> list[Json]:
    """List pull requests; ``head`` is ``owner:branch``."""
    query = select(Issue).join(Issue.pull_row).where(Issue.repository_id == at.repo.id)
    if state != "all":
        query = query.where(Issue.state == state)
    if head and ":" in head:
        owner, _, branch = head.partition(":")
        own = owner.lower() == at.repo.owner.login.lower()
        query = query.where(Pull.head_ref == (branch if own else None))
    if base:
        query = query.where(Pull.base_ref == base)
    column = Issue.number
    ordered = query.order_by(column.asc() if direction == "asc" else column.desc())
    rows = await page_of(at, page, ordered)
    return [await pulls.pull(at.unit, at.repo, row.pull) for row in rows if row.pull]


@router.post("", status_code=201)
async def create_pull(at: AtPullsWrite, wanted: NewPull) -> Json:
    """Open a pull request."""
    if not wanted.title:
        raise invalid("PullRequest", "title", "missing_field")
    acts.check_title("PullRequest", wanted.title)
    acts.check_body("PullRequest", wanted.body)
    head, head_sha = await _branch(at, "head", wanted.head)
    base, base_sha = await _branch(at, "base", wanted.base)
    await _check_new(at, head, base, f"{base_sha}..{head_sha}")
    issue = Issue(
        repository_id=at.repo.id,
        number=await acts.next_number(at.repo),
        title=wanted.title,
        body=wanted.body,
        author=at.user,
        created_at=at.unit.now,
        updated_at=at.unit.now,
        labels=[],
        pull_row=Pull(
            head_ref=head,
            head_sha=head_sha,
            base_ref=base,
            base_sha=base_sha,
            draft=wanted.draft,
            maintainer_can_modify=False,
        ),
    )
    at.session.add(issue)
    await at.session.flush()
    assert issue.pull is not None
    await at.unit.forge.bare(at.repo).update_ref(f"refs/pull/{issue.number}/head", head_sha)
    await acts.announce_pull(at.unit, at.repo, issue.pull, "opened")
    return await pulls.full_pull(at.unit, at.repo, issue.pull)


@router.get("/{number}", response_model=None)
async def get_pull(
    at: AtPulls, number: int, accept: Annotated[str, Header()] = ""
) -> Json | Response:
    """Get a pull request, as JSON or as a diff."""
    pull = await at.pull(number)
    if "diff" in accept:
        text = await diff_text(at, pull)
        return PlainTextResponse(text, media_type="application/vnd.github.diff; charset=utf-8")
    return await pulls.full_pull(at.unit, at.repo, pull)


@router.patch("/{number}")
async def update_pull(at: AtPullsWrite, number: int, wanted: PullChange) -> Json:
    """Update a pull request: its text, base or state."""
    pull = await at.pull(number)
    issue = pull.issue
    if issue.author_id != at.user.id and await at.level() < Level.WRITE:
        raise forbidden_to_person(Level.WRITE.role)
    body = wanted.body if "body" in wanted.model_fields_set else issue.body
    await edit(at, issue, wanted.title, body)
    if wanted.base and wanted.base != pull.base_ref:
        await _rebase(at, pull, wanted.base)
    if wanted.state == "closed":
        await acts.close(at.unit, at.repo, issue, None)
    elif wanted.state == "open" and pull.merged_at is None:
        await acts.reopen(at.unit, at.repo, issue)
    await at.session.flush()
    return await pulls.full_pull(at.unit, at.repo, pull)


@router.get("/{number}/files")
async def list_files(at: AtPulls, number: int, page: AnyPage) -> list[Json]:
    """List files of a pull request."""
    pull = await at.pull(number)
    diff = await files_of(at, pull)
    return commits.files(at.unit, at.repo, pull.head_sha, tuple(cut(at, page, diff)))


@router.get("/{number}/commits")
async def list_commits(at: AtPulls, number: int, page: AnyPage) -> list[Json]:
    """List commits of a pull request, the oldest first."""
    pull = await at.pull(number)
    tip = await pulls.base_tip(at.unit, at.repo, pull)
    rows = await at.unit.forge.bare(at.repo).log(f"{tip}..{pull.head_sha}")
    oldest_first = rows[::-1]
    return [await commits.commit(at.unit, at.repo, row) for row in cut(at, page, oldest_first)]


async def diff_text(at: Place, pull: Pull) -> str:
    """Return the diff of a pull request, from where its branch left the base."""
    start = await pulls.fork_point(at.unit, at.repo, pull)
    return await at.unit.forge.bare(at.repo).diff(start, pull.head_sha)


async def files_of(at: Place, pull: Pull) -> tuple[FileDiff, ...]:
    """Return what a pull request does to each file."""
    return parse_diff(await diff_text(at, pull))


async def _branch(at: Place, field: str, name: str) -> tuple[str, str]:
    """Find a branch, given as ``branch`` or ``owner:branch``. Raises Problem 422."""
    owner, colon, branch = name.partition(":")
    if not colon:
        owner, branch = at.repo.owner.login, name
    ref = f"{_HEADS}{branch}"
    refs = await at.unit.forge.bare(at.repo).refs(ref)
    if owner.lower() != at.repo.owner.login.lower() or ref not in refs:
        raise invalid("PullRequest", field, "invalid")
    return branch, refs[ref]


async def _check_new(at: Place, head: str, base: str, commits_between: str) -> None:
    owner = at.repo.owner.login
    if not await at.unit.forge.bare(at.repo).count(commits_between):
        raise _custom(f"No commits between {owner}:{base} and {owner}:{head}")
    query = (
        select(Issue.id)
        .join(Issue.pull_row)
        .where(Issue.repository_id == at.repo.id, Issue.state == "open")
        .where(Pull.head_ref == head, Pull.base_ref == base)
    )
    if await at.session.scalar(query):
        raise _custom(f"A pull request already exists for {owner}:{head}.")


def _custom(message: str) -> Problem:
    error = {"resource": "PullRequest", "code": "custom", "message": message}
    return Problem(422, "Validation Failed", errors=[error])


async def _rebase(at: Place, pull: Pull, base: str) -> None:
    if pull.issue.state == "closed":
        raise unacceptable("Cannot change the base branch of a closed pull request.")
    before = pull.base_ref
    old_sha = pull.base_sha
    pull.base_ref, pull.base_sha = await _branch(at, "base", base)
    changes = {"base": {"ref": {"from": before}, "sha": {"from": old_sha}}}
    await acts.announce_pull(at.unit, at.repo, pull, "edited", changes=changes)
