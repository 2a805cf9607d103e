"""Proposing a change: push, draft pull request, verification on a clean checkout, ready."""

from collections.abc import Mapping, Sequence
from typing import Any

from agents import documenter
from agents.budget import room_of
from agents.documenter import ReportTask
from agents.prompting import prompt_hash
from bot import snapshots
from bot.build.review import evidence
from bot.checkout import Checkout
from bot.context import RunContext
from bot.durable import step
from bot.papers import write_paper
from bot.rendering import line, render
from bot.services import services
from bot.task import Basis, Change, Task
from shared.domain import Report, Role, Stage, Value
from shared.errors import RunStopped
from shared.git import branch_name
from shared.github import Check, CheckStatus, Conclusion
from shared.store import UsageEntry
from shared.target import Outcome, TestRun, judge_green

CHECK = "Baton: red to green"
_TITLE = 256  # characters, GitHub's limit on a pull request's title
_MOST_DOUBTS = 8
_LOG = 6_000  # characters of each test log in the pull request


class Part(Value):
    """One part of large work as the pull request shows it: its commits, and how many tests."""

    title: str
    tests: int
    red: str
    sha: str


class Proposal(Value):
    """The pull request of a run."""

    number: int
    branch: str


async def propose(run: RunContext, task: Task) -> None:
    """Open a draft, verify the pushed commit on a clean checkout, and make it ready."""
    basis, change = task.basis, task.whole
    await run.enter(Stage.PROPOSING, head_sha=change.sha)
    await snapshots.take(run, Stage.PROPOSING, Role.DOCUMENTER, task)
    report = await _report(run, basis, change)
    proposal = await _open(run, task, report)
    await run.enter(Stage.VERIFYING, pull_number=proposal.number, branch=proposal.branch)
    verified = await _verify(run, basis, change)
    open_question = _open_question(run, change, await _doubtful(run, basis, change))
    await _publish(run, task, report, proposal, verified, open_question)
    await run.keep(
        tests={
            "red": len(change.red.new_tests),
            "base_passed": len(change.red.base.passed),
            "green_passed": len(verified.passed),
        }
    )
    await run.enter(Stage.PROPOSED)
    await run.say(
        "finished",
        "finished",
        pull_number=proposal.number,
        unverified=open_question,
        summary=report.summary,
    )


async def _report(run: RunContext, basis: Basis, change: Change) -> Report:
    checkout = Checkout(run, "work", change.sha, base=basis.base_sha)
    task = ReportTask(
        issue=basis.issue,
        changes=await checkout.diff_stat(basis.base_sha, change.sha),
        evidence=evidence(change),
        message=change.message,
        language=run.language,
    )
    chat = run.chat(Role.DOCUMENTER, prompt_hash=prompt_hash(Role.DOCUMENTER))
    room = room_of(services().profile.model(Role.DOCUMENTER))
    return await documenter.report(chat, task, room=room)


def _parts(task: Task) -> tuple[Part, ...]:
    """Tell the parts of large work apart; nothing where there is but one."""
    return tuple(
        Part(title=title, tests=len(change.red.new_tests), red=change.red.sha, sha=change.sha)
        for title, change in zip(task.part_titles, task.changes, strict=False)
    )


async def _open(run: RunContext, task: Task, report: Report) -> Proposal:
    """Push the branch and open the draft; both are found again when they exist already."""
    basis, sha = task.basis, task.whole.sha
    branch = branch_of(run, basis.issue.title)
    title = line(basis.issue.title)[:_TITLE]
    body = await _body(run, task, report, green=None, open_question=run.phrase("verifying"))

    async def work() -> Proposal:
        mirror = await services().mirror(run.ref)
        await mirror.push(sha, branch, expected=None)
        repo = await services().repo(run.ref)
        pull = await repo.ensure_pull_request(
            branch, basis.base_branch, title, body, draft=True, closes={run.number}
        )
        return Proposal(number=pull.number, branch=branch)

    return await step("push and open draft", Proposal, work)


async def _verify(run: RunContext, basis: Basis, change: Change) -> TestRun:
    """Run everything once more on a clean checkout of the pushed commit."""
    clean = Checkout(run, "verify", change.sha, base=basis.base_sha)
    green = await clean.test("verify on a clean checkout", known=change.green)
    verdict = judge_green(change.red.base, change.red.run, green)
    if not verdict.ok:
        raise RunStopped(run.phrase("not_clean"), "\n".join(verdict.sentences))
    return green


def branch_of(run: RunContext, title: str) -> str:
    """Name the run's branch; every try after the first has one of its own."""
    name = branch_name(run.number, title)
    return name if run.attempt == 1 else f"{name}-{run.attempt}"


async def _doubtful(run: RunContext, basis: Basis, change: Change) -> tuple[str, ...]:
    """Name what in a green change a person should look at before believing it."""
    tests = {test.partition("::")[0] for test in change.red.base.outcomes}
    checkout = Checkout(run, "verify", change.sha, base=basis.base_sha)
    return await checkout.doubts(basis.base_sha, tests)


def _open_question(run: RunContext, change: Change, doubts: tuple[str, ...]) -> str:
    told = []
    if change.remarks:
        told.append(run.phrase("open_remarks", n=len(change.remarks)))
    if doubts:
        more = max(0, len(doubts) - _MOST_DOUBTS)
        told.append(run.phrase("doubts", doubts="; ".join(doubts[:_MOST_DOUBTS]), more=more))
    return " ".join(told)


async def _publish(
    run: RunContext,
    task: Task,
    report: Report,
    proposal: Proposal,
    green: TestRun,
    open_question: str,
) -> None:
    """Put the proof into the pull request, set the check, and make the draft ready."""
    change = task.whole
    body = await _body(run, task, report, green=green, open_question=open_question)

    async def work() -> Proposal:
        await write_paper(run, "red.log", change.red.run.log)
        await write_paper(run, "green.log", green.log)
        repo = await services().repo(run.ref)
        await repo.update_pull(proposal.number, body=body, closes={run.number})
        await set_check(run, change.sha, summary=_summary(change, green), ok=not open_question)
        if not open_question:
            await repo.mark_ready(proposal.number)
        return proposal

    await step("publish proof", Proposal, work)


async def set_check(run: RunContext, sha: str, *, summary: str, ok: bool) -> None:
    """Set Baton's check on a commit. Only Apps may; with a personal token there is none."""
    if services().settings.app_id is None:
        return
    repo = await services().repo(run.ref)
    await repo.ensure_check_run(
        Check(
            head_sha=sha,
            name=CHECK,
            external_id=f"{run.run_id} {sha}",
            status=CheckStatus.COMPLETED,
            conclusion=Conclusion.SUCCESS if ok else Conclusion.ACTION_REQUIRED,
            title="Red before, green after" if ok else "Needs a person",
            summary=summary,
        )
    )


def _summary(change: Change, green: TestRun) -> str:
    new = "\n".join(f"- `{line(test)}`" for test in change.red.new_tests)
    count = len(change.red.new_tests)
    return (
        f"{count} new tests failed on the base commit and pass now.\n\n{new}\n\n"
        f"{len(change.red.base.passed)} tests passed before, {len(green.passed)} pass now; "
        "none that passed before fails."
    )


async def _body(
    run: RunContext,
    task: Task,
    report: Report,
    *,
    green: TestRun | None,
    open_question: str,
) -> str:
    change = task.whole
    shown = green or change.green

    async def read_usage() -> UsageTable:
        return UsageTable(rows=usage_rows(await services().store.usage(run.run_id)))

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
        flaky=sorted(change.green.ids(Outcome.FLAKY) | shown.ids(Outcome.FLAKY)),
        red_log=tail(change.red.run.log),
        green_log=tail(shown.log),
        remarks=change.remarks,
        usage=usage.rows,
        recorded_models=services().profile.recorded,
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
