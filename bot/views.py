"""What the gateway shows over HTTP: health for everybody, runs for this machine only."""

import re
from datetime import datetime
from ipaddress import ip_address
from typing import ClassVar

from fastapi import APIRouter, HTTPException, Request

from bot import status
from bot.guarding import shown
from bot.services import services
from shared.domain import Stage, Value
from shared.scheduler import NodeStatus
from shared.store.tables import now

router = APIRouter()
_OWN_HOST = re.compile(r"(?:127\.0\.0\.1|localhost|\[::1\])(?::\d+)?")
_FORWARDED = ("forwarded", "x-forwarded-for", "x-forwarded-host", "cf-connecting-ip")


class ActivityView(Value):
    """A model at work."""

    role: str
    model: str
    node: str
    tokens: int
    age: float


class TestCounts(Value):
    """What the test runs of a run came to."""

    __test__: ClassVar[bool] = False  # its name looks like a test class to pytest

    red: int
    base_passed: int
    green_passed: int


class RunView(Value):
    """A run, its stages and its cost so far."""

    run_id: str
    repo: str
    number: int
    title: str
    stage: Stage
    reason: str
    pull_number: int | None
    tests: TestCounts | None
    rows: tuple[status.StageRow, ...]
    activity: ActivityView | None
    snapshot: str
    """The newest snapshot: its number, and when in the run it was taken."""
    calls: int
    prompt_tokens: int
    output_tokens: int
    model_seconds: float
    created_at: datetime
    updated_at: datetime


@router.get("/healthz")
async def healthz() -> dict[str, str]:
    """Say that the process is alive."""
    return {"status": "ok"}


@router.get("/api/runs")
async def runs(request: Request) -> list[RunView]:
    """Return the newest runs with their stages. Answers this machine only."""
    require_local(request)
    baton = services()
    return [shown(await _view(run.id)) for run in (await baton.store.runs())[:50]]


@router.get("/api/nodes")
async def nodes(request: Request) -> tuple[NodeStatus, ...]:
    """Return what each node holds in memory, and what its agents do. Answers this machine only."""
    require_local(request)
    return tuple(shown(node) for node in await services().scheduler.status())


async def _view(run_id: str) -> RunView:
    baton = services()
    run = await baton.store.run(run_id)
    assert run is not None
    activity = baton.progress.activity(run_id)
    newest = await baton.store.newest_snapshot(run_id)
    return RunView(
        run_id=run.id,
        repo=run.repo,
        number=run.number,
        title=run.title,
        stage=run.stage,
        reason=run.reason,
        pull_number=run.pull_number,
        tests=run.tests and TestCounts.model_validate(run.tests),
        rows=tuple(status.stage_rows(run, await baton.store.stages(run_id), now())),
        activity=activity
        and ActivityView(
            role=activity.role,
            model=activity.model,
            node=activity.node,
            tokens=activity.tokens,
            age=baton.progress.age(activity),
        ),
        snapshot=f"{newest.n}: {newest.reason}" if newest else "",
        created_at=run.created_at,
        updated_at=run.updated_at,
        **status.totals(await baton.store.usage(run_id)),
    )


def require_local(request: Request) -> None:
    """Refuse callers from elsewhere, and pages that a browser was lured to.

    A tunnel connects from this machine too, but under its public host name, or it says for
    whom it asks. The header itself is read: a malformed one has no part to rely on.
    """
    hosts = request.headers.getlist("host")
    client = request.client.host if request.client else ""
    is_named = len(hosts) == 1 and _OWN_HOST.fullmatch(hosts[0]) is not None
    is_passed_on = any(name in request.headers for name in _FORWARDED)
    if not is_named or is_passed_on or not _is_loopback(client):
        raise HTTPException(403, "This page answers only on this machine, as 127.0.0.1.")


def _is_loopback(address: str) -> bool:
    try:
        return ip_address(address).is_loopback
    except ValueError:
        return False
