"""Building a change, test first: red, code, review, green."""

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
    """Write failing tests, make them pass, and have the change reviewed; skip what is done.

    Raises RunStopped when the attempts are used up.
    """
    base = task.basis.base_sha
    checkout = Checkout(run, "work", task.sha, base=base)
    if task.red is None:
        await snapshots.take(run, Stage.TESTING, Role.TESTER, task)
        task = task.with_(red=await write_red_tests(run, task.assignment, checkout))
    if task.change is None:
        task = await write_code(run, task, checkout)
    if not task.reviewed:
        task = await review_rounds(run, task, checkout)
    return task
