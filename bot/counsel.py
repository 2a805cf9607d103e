"""Counsel for a build whose attempts fail: what a cloud model is told, and what its advice changes.

Whether it is asked at all is for a person to say (see frontier.py).
"""

from agents.frontier import Reason, Sos, needs_frontier
from bot import frontier, snapshots
from bot.checkout import Checkout
from bot.context import RunContext
from bot.services import services
from bot.task import Task
from shared.domain import Case, Role, Stage

_EVIDENCE = 4_000  # characters of the failures of the new tests


async def get_advice(run: RunContext, task: Task) -> Task:
    """Offer to ask a cloud model about the failed attempts, and go on with its advice if any.

    Raises RunStopped when nobody answers in time.
    """
    reason = _reason(task)
    if reason is None:
        return task.without_advice()
    basis, number = task.basis, task.offers + 1
    known = await Checkout(run, "work", basis.base_sha, base=basis.base_sha).surroundings(
        basis.issue
    )
    sos = Sos(
        reason=reason,
        issue=basis.issue,
        plan=task.assignment.blueprint,
        attempts=task.tried,
        evidence=_evidence(task),
        code=known.excerpt,
        question=task.question,
    )
    await snapshots.take(run, Stage.AWAITING_FRONTIER, Role.CODER, task)
    advice = await frontier.seek_advice(run, basis, sos, number)
    task = task.with_(offers=number, question="")
    return task.without_advice() if advice is None else task.with_advice(advice)


def _reason(task: Task) -> Reason | None:
    return needs_frontier(
        failed=len(task.tried),
        bound=services().profile.frontier.attempts_before,
        named=None if task.case is Case.NONE else Reason(task.case.value),
        asked=bool(task.question),
        earlier=task.offers,
    )


async def note_counsel(run: RunContext, *, advised: bool, helped: bool) -> None:
    """Keep whether the attempts after an advice passed, if there was one."""
    if advised:
        await frontier.note_help(run, helped=helped)


def _evidence(task: Task) -> str:
    if task.red is None:
        return ""
    failures = task.red.run.failures
    told = [
        f"{test}\n{failures[test].text or failures[test].message}"
        for test in task.red.new_tests
        if test in failures
    ]
    return "\n\n".join(told)[:_EVIDENCE]
