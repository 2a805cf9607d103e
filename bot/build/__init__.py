"""Building a change, test first: red, code, review, green; large work part by part."""

from bot import snapshots
from bot.build.code import write_code
from bot.build.red import write_red_tests
from bot.build.review import review_rounds
from bot.checkout import Checkout
from bot.context import RunContext
from bot.task import Task
from shared.domain import Role, Stage

__all__ = ["build"]


async def build(run: RunContext, task: Task) -> Task:
    """Build every part in its order, each with its own tests and commits; skip what is done.

    Returns early when attempts have failed and somebody's help is ``wanted``, or packages.
    Raises RunStopped when the attempts are used up.
    """
    task = await _build_part(run, task)
    while task.wanted is None and not task.is_built:
        task = await _build_part(run, task.next_part())
    return task


async def _build_part(run: RunContext, task: Task) -> Task:
    """Write failing tests, make them pass, and have the change reviewed."""
    base, packages = task.basis.base_sha, task.agreed
    checkout = Checkout(run, "work", task.sha, base=base, packages=packages)
    if task.wanted is None and task.red is None:
        await snapshots.take(run, Stage.TESTING, Role.TESTER, task)
        task = await write_red_tests(run, task, checkout)
    if task.wanted is None and task.change is None:
        task = await write_code(run, task, checkout)
    if task.wanted is None and not task.reviewed:
        task = await review_rounds(run, task, checkout)
    return task
