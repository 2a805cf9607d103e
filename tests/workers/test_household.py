"""A gateway and two workers in processes and, where it may be, networks of their own."""

import re
import signal
from collections import Counter
from functools import partial
from pathlib import Path

import pytest

from bot.demo import story
from bot.views import RunView
from shared.domain import Stage
from tests.postgres import Postgres
from tests.workers.cable import namespaces_work
from tests.workers.household import CALLS, Household, WorkerProcess, open_household

_ISSUES = 6
_LOST = re.compile(r"lost to another process|lost and taken again|no longer owned")


async def open_issues(household: Household) -> list[int]:
    """Open the demo's issue six times."""
    text = story.issue_text()
    return [
        await household.alice.open_issue(f"{text.title} ({turn})", text.body)
        for turn in range(1, _ISSUES + 1)
    ]


async def left_on_github(household: Household, run: RunView) -> None:
    """Check that a run left one of everything: comments, commits, a branch, a check."""
    pull = await household.alice.call("GET", f"/pulls/{run.pull_number}")
    assert f"Closes #{run.number}" in pull["body"]
    assert (pull["draft"], pull["state"]) == (False, "open")
    commits = await household.alice.call("GET", f"/pulls/{run.pull_number}/commits")
    titles = [commit["commit"]["message"].splitlines()[0] for commit in commits]
    assert [title.split()[0] for title in titles] == ["Add", "Solve"]
    comments = await household.alice.comments(run.number)
    markers = Counter(re.findall(r"<!-- baton:(\w+)", "".join(c["body"] for c in comments)))
    assert markers == {"status": 1, "finished": 1}
    checks = await household.alice.call("GET", f"/commits/{pull['head']['sha']}/check-runs")
    assert [check["conclusion"] for check in checks["check_runs"]] == ["success"]
    # A step that was done by two workers is recorded, and paid for, once.
    assert run.calls == CALLS


def report(isolated: bool) -> None:  # noqa: FBT001  a plain fact
    """Say in the test's output how the workers were kept apart."""
    kind = "network namespaces" if isolated else "TCP forwarders: no namespaces may be made here"
    print(f"workers are kept apart by {kind}")  # noqa: T201  part of what is measured


async def test_six_issues_survive_a_dead_and_a_deaf_worker(
    tmp_path: Path, cache: Path, postgres: Postgres
) -> None:
    """One worker is cut off for a while, the other is killed: each issue ends in one pull."""
    report(isolated := namespaces_work())
    names = ("deaf", "dead")
    async with open_household(tmp_path, cache, postgres, names, isolated=isolated) as household:
        deaf, dead = (household.workers[name] for name in names)
        await household.until(lambda: bool(deaf.id and dead.id))
        numbers = await open_issues(household)
        await cut_off(household, deaf)
        orphaned = await kill_at_work(household, dead)
        await household.until(lambda: orphaned <= household.done_by(deaf))

        async def proposed() -> bool:
            runs = await household.reader.runs()
            assert not [run.reason for run in runs if run.stage is Stage.STOPPED]
            return [run.stage for run in runs] == [Stage.PROPOSED] * _ISSUES

        await household.until(proposed)
        assert _LOST.search(deaf.said()), "what it had lost went on at the deaf worker"
        runs = await household.reader.runs()
        pulls = await household.alice.call("GET", "/pulls?state=all")
        assert {run.number for run in runs} == set(numbers)
        assert sorted(p["number"] for p in pulls) == sorted(run.pull_number or 0 for run in runs)
        branches = await household.alice.call("GET", "/branches")
        assert len(branches) == 1 + _ISSUES
        for run in runs:
            await household.until(partial(said_done, household, run.number))
            await left_on_github(household, run)


async def said_done(household: Household, number: int) -> bool:
    """Tell whether the result has been posted."""
    return any("**Done:**" in c["body"] for c in await household.alice.comments(number))


async def cut_off(household: Household, worker: WorkerProcess) -> None:
    """Cut a worker off in the middle of its work, until what it had is given away.

    It may end all that it has in the moment of the cut: then nothing is lost, and it is cut again.
    """
    lost: set[str] = set()
    while not lost:
        await household.until(lambda: bool(household.in_the_middle(worker)))
        worker.cable.cut()
        had = household.at_work(worker)
        await household.until(partial(given_away, household, worker, had))
        worker.cable.mend()
        lost = had - household.done_by(worker)


def given_away(household: Household, worker: WorkerProcess, had: set[str]) -> bool:
    """Tell whether nothing of what a worker had is in its hands."""
    return not household.at_work(worker) & had


async def kill_at_work(household: Household, worker: WorkerProcess) -> set[str]:
    """Kill a worker in the middle of its work; return the builds that it leaves behind.

    It is halted first: what it has then, it does not end between the look and the blow.
    """
    while True:
        await household.until(lambda: bool(household.in_the_middle(worker)))
        worker.send(signal.SIGSTOP)
        if orphaned := household.at_work(worker):
            await worker.end(signal.SIGKILL)
            return orphaned
        worker.send(signal.SIGCONT)


@pytest.fixture(scope="session")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of environments, on this machine the same one for gateway and workers."""
    return tmp_path_factory.mktemp("cache")
