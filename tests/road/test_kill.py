"""Killing the gateway, the hard way and the soft way, changes nothing but the time it takes."""

import asyncio
import os
import signal
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from bot.demo import story
from bot.demo.session import Session, open_session
from bot.views import RunView
from shared.domain import Stage
from tests.road.world import plan_for

_PATIENCE = 240.0


async def watch(session: Session, blows: Mapping[Stage, signal.Signals]) -> RunView:
    """Follow the one issue to its pull request; hit the gateway once at each of the stages."""
    text = story.issue_text()
    number = await session.alice.open_issue(text.title, text.body)
    due, asked = dict(blows), False
    async with asyncio.timeout(_PATIENCE):
        while True:
            for run in await session.reader.runs():
                if run.stage is Stage.AWAITING_PLANNER and not asked:
                    asked = True
                    await approve_while_paused(session, number, due.pop(run.stage, None))
                if run.stage in due:
                    os.kill(session.gateway.pid, due.pop(run.stage))
                if run.stage is Stage.PROPOSED and "Done" in await said(session, number):
                    assert not due, f"the run was never seen at {list(due)}"
                    return run
                assert not run.stage.is_final, run.reason
            await asyncio.sleep(0.02)


async def approve_while_paused(session: Session, number: int, blow: signal.Signals | None) -> None:
    """Say yes to a paused run, hit the gateway once it rests, see that it still does, go on."""
    await session.alice.comment(number, "/pause")
    await until_said(session, number, "⏸️ Paused by @alice")
    await session.alice.comment(number, "/approve")
    await until_said(session, number, "Paused by alice; `/resume` goes on.")
    restarts = session.gateway.restarts
    if blow is not None:
        os.kill(session.gateway.pid, blow)
        while session.gateway.restarts == restarts:  # noqa: ASYNC110  it happens elsewhere
            await asyncio.sleep(0.02)
    await session.alice.comment(number, "/help")
    await until_said(session, number, "| Command | What it does |")
    (run,) = await session.reader.runs()
    assert run.stage is Stage.AWAITING_PLANNER
    await session.alice.comment(number, "/resume")


async def until_said(session: Session, number: int, part: str) -> None:
    """Wait until something stands on an issue."""
    while part not in await said(session, number):  # noqa: ASYNC110  it happens elsewhere
        await asyncio.sleep(0.02)


async def said(session: Session, number: int) -> str:
    """Join all comments of an issue."""
    return "\n".join(comment["body"] for comment in await session.alice.comments(number))


async def outcome(session: Session, run: RunView) -> dict[str, Any]:
    """Collect what a run left on GitHub, as far as it does not tell the time."""
    pulls = await session.alice.call("GET", "/pulls?state=all")
    assert [pull["number"] for pull in pulls] == [run.pull_number]
    commits = await session.alice.call("GET", f"/pulls/{run.pull_number}/commits")
    comments = await session.alice.comments(run.number)
    checks = await session.alice.call("GET", f"/commits/{pulls[0]['head']['sha']}/check-runs")
    head = commits[-1]["commit"]
    return {
        "tree": head["tree"]["sha"],
        "commits": [commit["commit"]["message"] for commit in commits],
        "comments": Counter(comment["user"]["login"] for comment in comments),
        "markers": Counter(line for c in comments for line in c["body"].splitlines()[-1:]),
        "checks": [(check["name"], check["conclusion"]) for check in checks["check_runs"]],
        "draft": pulls[0]["draft"],
        "calls": run.calls,
        "red": run.tests and run.tests.red,
    }


async def walk(home: Path, cache: Path, blows: Mapping[Stage, signal.Signals]) -> tuple[Any, int]:
    """Run the demo's issue under blows; return what came of it and how often it was restarted."""
    plan = plan_for(home, cache, pace=0.002)
    async with open_session(plan, on_restart=lambda _: None) as session:
        run = await watch(session, blows)
        return await outcome(session, run), session.gateway.restarts


@pytest.fixture
async def undisturbed(tmp_path: Path, cache: Path) -> Any:  # noqa: ANN401  JSON
    """What the run leaves when nobody touches it."""
    left, restarts = await walk(tmp_path / "calm", cache, {})
    assert restarts == 0
    return left


async def test_a_killed_gateway_ends_where_an_undisturbed_one_does(
    tmp_path: Path, cache: Path, undisturbed: dict[str, Any]
) -> None:
    """Kill -9, also of a paused run, and SIGTERM: same files, nothing doubled, one pull request."""
    blows = {
        Stage.AWAITING_PLANNER: signal.SIGKILL,
        Stage.PLANNING: signal.SIGTERM,
        Stage.TESTING: signal.SIGKILL,
        Stage.CODING: signal.SIGKILL,
        Stage.VERIFYING: signal.SIGKILL,
    }
    left, restarts = await walk(tmp_path / "rough", cache, blows)
    assert restarts == len(blows)
    assert left == undisturbed
