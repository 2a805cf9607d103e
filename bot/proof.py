"""What a pull request shows as its proof: test runs, parts, usage, remarks."""

from collections.abc import Mapping, Sequence
from typing import Any

from bot.context import RunContext
from bot.costs import CloudBill, cloud_bill
from bot.durable import step
from bot.rendering import render
from bot.services import services
from bot.task import Task
from shared.domain import Report, Role, Value
from shared.store import UsageEntry
from shared.target import Outcome, TestRun

_LOG = 6_000  # characters of each test log in the pull request


async def pull_body(
    run: RunContext,
    task: Task,
    report: Report,
    *,
    green: TestRun | None,
    open_question: str,
) -> str:
    """Write the text of the pull request; without ``green`` that of a draft."""
    change = task.whole
    shown = green or change.green

    async def read_usage() -> UsageTable:
        rows = usage_rows(await services().store.usage(run.run_id))
        return UsageTable(rows=rows, cloud=await cloud_bill(run.run_id))

    usage = await step("read usage", UsageTable, read_usage)
    return render(
        "pull",
        run.language,
        number=run.number,
        summary=report.summary,
        changelog=report.changelog,
        unverified=open_question,
        proof=[
            _proof("Base", change.red.base, change.red.base_sha),
            _proof("Red", change.red.run, change.red.sha),
            _proof("Green", shown, change.sha),
        ],
        new_tests=change.red.new_tests,
        parts=_parts(task),
        agreed=task.guarded,
        flaky=sorted(change.green.ids(Outcome.FLAKY) | shown.ids(Outcome.FLAKY)),
        red_log=tail(change.red.run.log),
        green_log=tail(shown.log),
        remarks=change.remarks,
        usage=usage.rows,
        cloud=usage.cloud,
        recorded_models=services().profile.recorded,
    )


class Part(Value):
    """One part of large work as the pull request shows it: its commits, and how many tests."""

    title: str
    tests: int
    red: str
    sha: str


def _parts(task: Task) -> tuple[Part, ...]:
    """Tell the parts of large work apart; nothing where there is but one."""
    return tuple(
        Part(title=title, tests=len(change.red.new_tests), red=change.red.sha, sha=change.sha)
        for title, change in zip(task.part_titles, task.changes, strict=False)
    )


def _proof(name: str, tests: TestRun, sha: str) -> Mapping[str, Any]:
    return {
        "name": name,
        "sha": sha,
        "passed": len(tests.passed),
        "failed": len(tests.failures),
        "seconds": tests.seconds,
    }


def tail(log: str) -> str:
    """Return the end of a log, which has the summary, within a pull request's space."""
    return log if len(log) <= _LOG else f"[...]\n{log[-_LOG:]}"


class UsageRow(Value):
    """What one agent has cost."""

    agent: str
    model: str
    node: str
    calls: int
    prompt_tokens: int
    output_tokens: int
    seconds: float


class UsageTable(Value):
    """What all agents of a run have cost."""

    rows: tuple[UsageRow, ...]
    cloud: CloudBill = CloudBill()


def usage_rows(entries: Sequence[UsageEntry]) -> tuple[UsageRow, ...]:
    """Add the calls up by agent, in the order in which the agents came on."""
    groups: dict[tuple[str, str, str], list[UsageEntry]] = {}
    for entry in entries:
        groups.setdefault((entry.role, entry.model, entry.node), []).append(entry)
    return tuple(
        UsageRow(
            agent=Role(role).agent,
            model=model,
            node=node,
            calls=len(group),
            prompt_tokens=sum(entry.prompt_tokens for entry in group),
            output_tokens=sum(entry.output_tokens for entry in group),
            seconds=sum(entry.seconds for entry in group),
        )
        for (role, model, node), group in groups.items()
    )
