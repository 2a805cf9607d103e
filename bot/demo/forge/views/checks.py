"""Check suites and check runs as JSON."""

from sqlalchemy import select

from bot.demo.forge.core import Json, Unit, node_id, stamp
from bot.demo.forge.tables import CheckRun, CheckSuite, Issue, Pull, Repository
from bot.demo.forge.views.accounts import integration
from bot.demo.forge.views.commits import simple_commit
from bot.demo.forge.views.pulls import minimal_pull
from bot.demo.forge.views.repositories import repository


async def check_run(unit: Unit, repo: Repository, row: CheckRun) -> Json:
    """Write a check run."""
    url = f"{unit.urls.repo(repo)}/check-runs/{row.id}"
    html = f"{unit.urls.repo_html(repo)}/runs/{row.id}"
    return {
        "id": row.id,
        "name": row.name,
        "node_id": node_id("CR", row.id),
        "head_sha": row.suite.head_sha,
        "external_id": row.external_id,
        "url": url,
        "html_url": html,
        "details_url": row.details_url or html,
        "status": row.status,
        "conclusion": row.conclusion,
        "started_at": stamp(row.started_at),
        "completed_at": stamp(row.completed_at),
        "output": {
            "title": row.title,
            "summary": row.summary,
            "text": row.text,
            "annotations_count": len(row.annotations),
            "annotations_url": f"{url}/annotations",
        },
        "check_suite": {"id": row.suite_id},
        "app": await integration(unit),
        "pull_requests": await pull_requests(unit, repo, row.suite.head_sha),
    }


async def hook_check_run(unit: Unit, repo: Repository, row: CheckRun) -> Json:
    """Write a check run as webhooks carry it, with its suite."""
    suite = row.suite
    body = await check_run(unit, repo, row)
    status, conclusion = suite_state(suite)
    body["check_suite"] = {
        "id": suite.id,
        "node_id": node_id("CS", suite.id),
        "head_branch": suite.head_branch,
        "head_sha": suite.head_sha,
        "status": status,
        "conclusion": conclusion,
        "url": f"{unit.urls.repo(repo)}/check-suites/{suite.id}",
        "before": None,
        "after": suite.head_sha,
        "pull_requests": body["pull_requests"],
        "app": body["app"],
        "created_at": stamp(suite.created_at),
        "updated_at": stamp(suite.updated_at),
    }
    return body


async def check_suite(unit: Unit, repo: Repository, row: CheckSuite) -> Json:
    """Write a check suite."""
    url = f"{unit.urls.repo(repo)}/check-suites/{row.id}"
    status, conclusion = suite_state(row)
    commits = await unit.forge.bare(repo).log(row.head_sha, limit=1)
    return {
        "id": row.id,
        "node_id": node_id("CS", row.id),
        "head_branch": row.head_branch,
        "head_sha": row.head_sha,
        "status": status,
        "conclusion": conclusion,
        "url": url,
        "before": None,
        "after": row.head_sha,
        "pull_requests": await pull_requests(unit, repo, row.head_sha),
        "app": await integration(unit),
        "repository": await repository(unit, repo),
        "created_at": stamp(row.created_at),
        "updated_at": stamp(row.updated_at),
        "head_commit": simple_commit(commits[0]),
        "latest_check_runs_count": len(row.runs),
        "check_runs_url": f"{url}/check-runs",
        "rerequestable": True,
        "runs_rerequestable": True,
    }


def suite_state(row: CheckSuite) -> tuple[str, str | None]:
    """Sum up the runs of a suite: status and conclusion."""
    if not row.runs:
        return "queued", None
    if any(run.status != "completed" for run in row.runs):
        return "in_progress", None
    conclusions = {run.conclusion for run in row.runs}
    for grave in ("failure", "timed_out", "action_required", "cancelled"):
        if grave in conclusions:
            return "completed", grave
    return "completed", "success"


async def pull_requests(unit: Unit, repo: Repository, sha: str) -> list[Json]:
    """Write the open pull requests whose head is a commit."""
    query = (
        select(Issue)
        .join(Issue.pull_row)
        .where(Pull.head_sha == sha, Issue.repository_id == repo.id, Issue.state == "open")
    )
    rows = await unit.session.scalars(query)
    return [minimal_pull(unit, repo, row.pull) for row in rows if row.pull]


def annotations(unit: Unit, repo: Repository, row: CheckRun) -> list[Json]:
    """Write the annotations of a run."""
    blob = f"{unit.urls.repo_html(repo)}/blob/{row.suite.head_sha}"
    return [{**entry, "blob_href": f"{blob}/{entry['path']}"} for entry in row.annotations]
