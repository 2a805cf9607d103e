"""Building a change, test first: red, code, review, green."""

from bot.build.code import write_code
from bot.build.red import write_red_tests
from bot.build.review import review_rounds
from bot.build.values import Assignment, Change, Red
from bot.checkout import Checkout
from bot.context import RunContext

__all__ = ["Assignment", "Change", "Red", "build"]


async def build(run: RunContext, assignment: Assignment) -> Change:
    """Write failing tests, make them pass, and have the change reviewed.

    Raises RunStopped when the attempts are used up.
    """
    checkout = Checkout(run, "work", assignment.base_sha, base=assignment.base_sha)
    red = await write_red_tests(run, assignment, checkout)
    change = await write_code(run, assignment, checkout, red)
    return await review_rounds(run, assignment, checkout, change)
