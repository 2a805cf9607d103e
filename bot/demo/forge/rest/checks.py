"""Check runs and check suites."""

from datetime import datetime
from typing import Literal

from fastapi import APIRouter
from pydantic import BaseModel
from sqlalchemy import select

from bot.demo.forge import acts
from bot.demo.forge.core import Json
from bot.demo.forge.problems import Problem, not_found, unacceptable
from bot.demo.forge.rest.access import AtChecks, AtChecksWrite, Place
from bot.demo.forge.rest.paging import AnyPage, cut
from bot.demo.forge.tables import CheckRun, CheckSuite, Repository
from bot.demo.forge.views import checks as views

router = APIRouter(prefix="/repos/{owner}/{repo}")
_TEXT_LIMIT, _ANNOTATIONS_LIMIT = 65_535, 50
Status = Literal["queued", "in_progress", "completed", "waiting", "requested", "pending"]
Conclusion = Literal[
    "success", "failure", "neutral", "cancelled", "skipped", "timed_out", "action_required"
]


class Annotation(BaseModel):
    """A remark on lines of a file."""

    path: str
    start_line: int
    end_line: int
    start_column: int | None = None
    end_column: int | None = None
    annotation_level: Literal["notice", "warning", "failure"]
    message: str
    title: str | None = None
    raw_details: str | None = None


class Output(BaseModel):
    """What a check run has to say."""

    title: str | None = None
    summary: str | None = None
    text: str | None = None
    annotations: list[Annotation] = []


class RunChange(BaseModel):
    """What is to change about a check run; only what is named changes."""

    name: str | None = None
    details_url: str | None = None
    external_id: str | None = None
    status: Status | None = None
    conclusion: Conclusion | None = None
    started_at: datetime | None = None
    completed_at: datetime | None = None
    output: Output | None = None


class NewRun(RunChange):
    """A check run to start."""

    name: str
    head_sha: str


@router.post("/check-runs", status_code=201)
async def create_run(at: AtChecksWrite, wanted: NewRun) -> Json:
    """Create a check run."""
    _require_app(at)
    suite = await _suite(at, wanted.head_sha)
    run = CheckRun(
        suite=suite,
        name=wanted.name,
        details_url=None,
        external_id="",
        status="queued",
        started_at=at.unit.now,
        annotations=[],
    )
    at.session.add(run)
    _apply(at, run, wanted)
    await _announce(at, run, "created")
    if run.status == "completed":
        await _announce(at, run, "completed")
    return await views.check_run(at.unit, at.repo, run)


@router.get("/check-runs/{run_id}")
async def get_run(at: AtChecks, run_id: int) -> Json:
    """Get a check run."""
    return await views.check_run(at.unit, at.repo, await _run(at, run_id))


@router.patch("/check-runs/{run_id}")
async def update_run(at: AtChecksWrite, run_id: int, wanted: RunChange) -> Json:
    """Update a check run; annotations are added to those that are there."""
    _require_app(at)
    run = await _run(at, run_id)
    before = run.status
    _apply(at, run, wanted)
    run.suite.updated_at = at.unit.now
    await at.session.flush()
    if run.status == "completed" and before != "completed":
        await _announce(at, run, "completed")
    return await views.check_run(at.unit, at.repo, run)


@router.get("/check-runs/{run_id}/annotations")
async def list_annotations(at: AtChecks, run_id: int, page: AnyPage) -> list[Json]:
    """List the annotations of a check run."""
    run = await _run(at, run_id)
    return cut(at, page, views.annotations(at.unit, at.repo, run))


@router.post("/check-runs/{run_id}/rerequest", status_code=201)
async def rerequest(at: AtChecksWrite, run_id: int) -> Json:
    """Ask the App to run a check again."""
    await _announce(at, await _run(at, run_id), "rerequested")
    return {}


@router.get("/commits/{ref:path}/check-runs")
async def list_runs(
    at: AtChecks,
    ref: str,
    page: AnyPage,
    check_name: str | None = None,
    status: Status | None = None,
    filter: Literal["latest", "all"] = "latest",  # noqa: A002  GitHub's own name of the parameter
) -> Json:
    """List check runs of a commit; ``latest`` keeps one of each name."""
    runs = [run for suite in await _suites(at, ref) for run in suite.linked()]
    if filter == "latest":
        runs = list({run.name: run for run in runs}.values())
    runs = [run for run in runs if check_name in (None, run.name)]
    runs = [run for run in runs if status in (None, run.status)]
    shown = [await views.check_run(at.unit, at.repo, run) for run in cut(at, page, runs)]
    return {"total_count": len(runs), "check_runs": shown}


@router.get("/commits/{ref:path}/check-suites")
async def list_suites(at: AtChecks, ref: str, page: AnyPage) -> Json:
    """List check suites of a commit."""
    suites = await _suites(at, ref)
    shown = [await views.check_suite(at.unit, at.repo, suite) for suite in cut(at, page, suites)]
    return {"total_count": len(suites), "check_suites": shown}


@router.get("/check-suites/{suite_id}")
async def get_suite(at: AtChecks, suite_id: int) -> Json:
    """Get a check suite."""
    suite = await at.session.get(CheckSuite, suite_id)
    if suite is None or suite.repository_id != at.repo.id:
        raise not_found()
    return await views.check_suite(at.unit, at.repo, suite)


def _require_app(at: Place) -> None:
    if not at.unit.actor.installation:
        raise Problem(403, "You must authenticate via a GitHub App.")


def _apply(at: Place, run: CheckRun, wanted: RunChange) -> None:
    if wanted.status == "completed" and not (wanted.conclusion or run.conclusion):
        raise unacceptable('"conclusion" wasn\'t supplied.')
    for name in ("name", "details_url", "external_id", "status", "started_at"):
        if (value := getattr(wanted, name)) is not None:
            setattr(run, name, value)
    if wanted.conclusion:
        run.conclusion, run.status = wanted.conclusion, "completed"
        run.completed_at = wanted.completed_at or at.unit.now
    elif run.status != "completed":
        run.conclusion = run.completed_at = None
    if wanted.output:
        _write(run, wanted.output)


def _write(run: CheckRun, output: Output) -> None:
    for name in ("title", "summary", "text"):
        value = getattr(output, name)
        if value is not None and len(value) > _TEXT_LIMIT:
            raise unacceptable(
                f"Only {_TEXT_LIMIT} characters are allowed; {len(value)} were supplied."
            )
        if value is not None:
            setattr(run, name, value)
    if run.title is None or run.summary is None:
        missing = "title" if run.title is None else "summary"
        raise unacceptable(f'"{missing}" wasn\'t supplied.')
    if len(output.annotations) > _ANNOTATIONS_LIMIT:
        raise unacceptable(
            f"No more than {_ANNOTATIONS_LIMIT} items are allowed; "
            f"{len(output.annotations)} were supplied."
        )
    run.annotations = run.annotations + [entry.model_dump() for entry in output.annotations]


async def _suite(at: Place, sha: str) -> CheckSuite:
    """Return the suite of a commit, made with its first run."""
    bare = at.unit.forge.bare(at.repo)
    if await bare.resolve(sha) != sha:
        raise Problem(422, f"No commit found for SHA: {sha}")
    query = select(CheckSuite).where(
        CheckSuite.repository_id == at.repo.id, CheckSuite.head_sha == sha
    )
    if suite := await at.session.scalar(query):
        return suite
    heads = {commit: ref for ref, commit in (await bare.refs()).items()}
    branch = heads.get(sha)
    suite = CheckSuite(
        repository_id=at.repo.id,
        head_sha=sha,
        head_branch=branch and branch.removeprefix("refs/heads/"),
        created_at=at.unit.now,
        updated_at=at.unit.now,
        runs=[],
    )
    at.session.add(suite)
    return suite


async def _suites(at: Place, ref: str) -> list[CheckSuite]:
    sha = await at.unit.forge.bare(at.repo).resolve(ref)
    if sha is None:
        raise Problem(422, f"No commit found for SHA: {ref}")
    return await suites_of(at, at.repo, sha)


async def suites_of(at: Place, repo: Repository, sha: str) -> list[CheckSuite]:
    """Return the check suites of a commit."""
    query = select(CheckSuite).where(
        CheckSuite.repository_id == repo.id, CheckSuite.head_sha == sha
    )
    return list(await at.session.scalars(query))


async def _run(at: Place, run_id: int) -> CheckRun:
    query = select(CheckSuite).join(CheckSuite.runs).where(CheckRun.id == run_id)
    suite = await at.session.scalar(query.where(CheckSuite.repository_id == at.repo.id))
    if suite is None:
        raise not_found()
    return next(run for run in suite.linked() if run.id == run_id)


async def _announce(at: Place, run: CheckRun, action: str) -> None:
    await at.session.flush()
    body = await views.hook_check_run(at.unit, at.repo, run)
    await acts.announce(at.unit, "check_run", at.repo, {"action": action, "check_run": body})
