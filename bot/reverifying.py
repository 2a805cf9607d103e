"""Verifying a proposed commit once more, because somebody asked for Baton's check again."""

import logging

from bot import engine, snapshots
from bot.checkout import Checkout
from bot.checks import of_failures, set_check, told_green, told_red
from bot.context import RunContext
from bot.durable import patient, step
from bot.task import Task
from bot.workflow import load
from bot.worktrees import discard
from shared.domain import Value
from shared.errors import BatonError
from shared.github import Conclusion
from shared.target import judge_green

log = logging.getLogger(__name__)


class _Proposed(Value):
    """The task that a run has proposed, if a snapshot has kept it."""

    task: Task | None = None


@engine.workflow("verify_again")
async def verify_again(run_id: str, sha: str) -> None:
    """Run the tests of a commit on a clean checkout, and set the check to what they say."""
    run = await step("load run", RunContext, lambda: load(run_id))
    proposed = await step("find what was proposed", _Proposed, lambda: _proposed(run_id))
    if proposed.task is None:
        return
    try:
        await _verify(run, proposed.task, sha)
    except BatonError as error:
        await _fail(run, sha, str(error))
    except Exception as error:  # a fault of ours must not end in silence either
        log.exception("%s: failed", run.run_id)
        await _fail(run, sha, run.phrase("fault", name=type(error).__name__))
    await discard(run)


async def _fail(run: RunContext, sha: str, told: str) -> None:
    with patient():
        await run.do("tell by check", lambda: set_check(run, sha, Conclusion.FAILURE, told))


async def _proposed(run_id: str) -> _Proposed:
    return _Proposed(task=await snapshots.proposed(run_id))


async def _verify(run: RunContext, task: Task, sha: str) -> None:
    change = task.whole
    clean = Checkout(run, "again", sha, base=task.basis.base_sha, packages=task.packages)
    green = await clean.test("verify again")
    verdict = judge_green(change.red.base, change.red.run, green)

    async def show() -> None:
        if verdict.ok:
            await set_check(run, sha, Conclusion.SUCCESS, told_green(change, green))
        else:
            told = told_red(verdict.sentences, green)
            await set_check(run, sha, Conclusion.FAILURE, told, of_failures(green))

    await run.do("tell by check", show)
