"""Proposing a change: push, draft pull request, verification on a clean checkout, ready."""

from agents import documenter
from agents.budget import room_of
from agents.documenter import ReportTask
from agents.prompting import prompt_hash
from bot import protection, rebasing, snapshots
from bot.build.review import evidence
from bot.checkout import Checkout
from bot.checks import of_failures, of_findings, set_check, told_green, told_red
from bot.context import RunContext
from bot.durable import step
from bot.leaving import require_may_leave
from bot.papers import write_paper
from bot.proof import pull_body
from bot.rendering import line
from bot.rules import rules_of
from bot.services import services
from bot.task import Task
from shared.domain import Report, Role, Stage, Value
from shared.errors import RunStopped
from shared.git import branch_name
from shared.github import Conclusion
from shared.target import TestRun, judge_green

_TITLE = 256  # characters, GitHub's limit on a pull request's title
_MOST_DOUBTS = 8
_LINT = 500  # characters of what a linter says


class Proposal(Value):
    """The pull request of a run."""

    number: int
    branch: str


async def propose(run: RunContext, task: Task) -> None:
    """Open a draft, verify the pushed commit on a clean checkout, and make it ready."""
    await run.enter(Stage.PROPOSING, head_sha=task.whole.sha)
    rules = await rules_of(run.ref, task.basis.base_sha)
    task = await protection.ask(run, task, rules)
    await snapshots.take(run, Stage.PROPOSING, Role.DOCUMENTER, task)
    report = await _report(run, task)
    await protection.require_writer(run)
    proposal = await _open(run, task, report, rules.config.branch_prefix)
    await run.enter(Stage.VERIFYING, pull_number=proposal.number, branch=proposal.branch)
    task, verified = await _settle(run, task, proposal)
    change = task.whole
    open_question = await _open_question(run, task)
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


async def _report(run: RunContext, task: Task) -> Report:
    basis, change = task.basis, task.whole
    checkout = Checkout(run, "work", change.sha, base=basis.base_sha)
    told = ReportTask(
        issue=basis.issue,
        changes=await checkout.diff_stat(basis.base_sha, change.sha),
        evidence=evidence(change),
        message=change.message,
        language=run.language,
    )
    chat = run.chat(Role.DOCUMENTER, prompt_hash=prompt_hash(Role.DOCUMENTER))
    room = room_of(services().profile.model(Role.DOCUMENTER))
    return await documenter.report(chat, told, room=room)


async def _open(run: RunContext, task: Task, report: Report, prefix: str) -> Proposal:
    """Push the branch and open the draft; both are found again when they exist already."""
    basis, sha = task.basis, task.whole.sha
    branch = branch_of(run, basis.issue.title, prefix)
    title = line(basis.issue.title)[:_TITLE]
    verifying = run.phrase("verifying")
    body = await pull_body(run, task, report, green=None, open_question=verifying)
    await require_may_leave(run, basis.base_sha, sha, branch)

    async def work() -> Proposal:
        mirror = await services().mirror(run.ref)
        await mirror.push(sha, branch, expected=None)
        repo = await services().repo(run.ref)
        pull = await repo.ensure_pull_request(
            branch, basis.base_branch, title, body, draft=True, closes={run.number}
        )
        return Proposal(number=pull.number, branch=branch)

    return await step("push and open draft", Proposal, work)


def branch_of(run: RunContext, title: str, prefix: str = "baton") -> str:
    """Name the run's branch; every try after the first has one of its own."""
    name = prefix + branch_name(run.number, title).removeprefix("baton")
    return name if run.attempt == 1 else f"{name}-{run.attempt}"


async def _settle(run: RunContext, task: Task, proposal: Proposal) -> tuple[Task, TestRun]:
    """Verify, and follow the base branch for as long as it moves meanwhile."""
    verified: TestRun | None = None
    for turn in range(1, rebasing.MOST + 1):
        basis = await rebasing.moved(run, task.basis)
        if basis is not None:
            task = await _follow(run, await rebasing.onto(run, task, basis, turn), task, proposal)
        elif verified is not None:
            return task, verified
        verified = await _verify(run, task, turn)
    assert verified is not None
    return task, verified


async def _follow(run: RunContext, task: Task, before: Task, proposal: Proposal) -> Task:
    """Bring the branch to the commits that were made anew, unless a person has pushed to it."""
    old, new = before.whole.sha, task.whole.sha
    await require_may_leave(run, task.basis.base_sha, new, proposal.branch)

    async def work() -> bool:
        mirror = await services().mirror(run.ref)
        await mirror.replace(new, proposal.branch, expected=old)
        return True

    await step("push onto the new base", bool, work)
    await run.keep(base_sha=task.basis.base_sha, head_sha=new)
    await snapshots.take(run, Stage.VERIFYING, Role.DOCUMENTER, task)
    return task


def _clean(run: RunContext, task: Task, turn: int, sha: str = "") -> Checkout:
    """Return a checkout that no agent has worked in, with the packages that were agreed to."""
    base, packages = task.basis.base_sha, task.packages
    return Checkout(run, f"verify-{turn}", sha or task.whole.sha, base=base, packages=packages)


async def _verify(run: RunContext, task: Task, turn: int) -> TestRun:
    """Run everything once more on a clean checkout of the pushed commit."""
    change = task.whole
    green = await _clean(run, task, turn).test("verify on a clean checkout", known=change.red.base)
    verdict = judge_green(change.red.base, change.red.run, green)
    if verdict.ok:
        return green

    async def show() -> None:
        told = told_red(verdict.sentences, green)
        await set_check(run, change.sha, Conclusion.FAILURE, told, of_failures(green))

    await run.do("show what failed", show)
    raise RunStopped(run.phrase("not_clean"), "\n".join(verdict.sentences))


async def _doubtful(run: RunContext, task: Task) -> tuple[str, ...]:
    """Name what in a green change a person should look at before believing it."""
    base, change = task.basis.base_sha, task.whole
    tests = {test.partition("::")[0] for test in change.red.base.outcomes}
    found = await _clean(run, task, 1).doubts(base, tests)
    agreed = {sentence.rstrip(".") for sentence in task.guarded}
    return tuple(doubt for doubt in found if doubt not in agreed)


async def _linted(run: RunContext, task: Task) -> str:
    """Return what the repository's linter says against the change, if it let the base pass."""
    said = await _clean(run, task, 1).lint()
    if said and await _clean(run, task, 1, task.basis.base_sha).lint():
        return ""
    return said


async def _open_question(run: RunContext, task: Task) -> str:
    change, doubts, told = task.whole, await _doubtful(run, task), []
    if change.remarks:
        told.append(run.phrase("open_remarks", n=len(change.remarks)))
    if said := await _linted(run, task):
        told.append(run.phrase("lint", said=said[:_LINT]))
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
    body = await pull_body(run, task, report, green=green, open_question=open_question)
    conclusion = Conclusion.ACTION_REQUIRED if open_question else Conclusion.SUCCESS

    async def work() -> Proposal:
        await write_paper(run, "red.log", change.red.run.log)
        await write_paper(run, "green.log", green.log)
        repo = await services().repo(run.ref)
        pull = await repo.update_pull(proposal.number, body=body, closes={run.number})
        told, marks = told_green(change, green), of_findings(change.remarks)
        await set_check(run, change.sha, conclusion, told, marks)
        if not open_question:
            await repo.mark_ready(proposal.number, pull)
        return proposal

    await step("publish proof", Proposal, work)
