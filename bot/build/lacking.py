"""An attempt that cannot be judged yet: it asks for packages that nobody has let in."""

import re

from bot.checkout import Checkout
from bot.task import Red, Task
from shared.target import FailureKind, TestRun, judge_green

_NOT_FOUND = re.compile(
    r"\b(?:ModuleNotFoundError|ImportError|PackageNotFoundError)\b|No module named"
)


async def lacks_packages(
    checkout: Checkout, task: Task, red: Red, green: TestRun, verdicts: tuple[str, ...]
) -> bool:
    """Tell whether an attempt needs Python packages that its change adds and nobody has let in."""
    return may_lack(task, red, green, verdicts) and bool(await checkout.new_packages())


def may_lack(task: Task, red: Red, green: TestRun, verdicts: tuple[str, ...]) -> bool:
    """Tell whether an attempt may have failed for want of a package, as far as its tests show.

    So it may where the tests alone object and something could not be imported. From the second
    attempt on no import has to be seen to fail: some code goes another way then.
    """
    if verdicts != judge_green(red.base, red.run, green).sentences:
        return False
    return bool(task.tried) or cannot_import(green)


def cannot_import(run: TestRun) -> bool:
    """Tell whether a run shows a failed import, other than of a name of the project's own."""
    told = [
        f"{failure.message}\n{failure.text}"
        for failure in run.failures.values()
        if failure.kind is not FailureKind.MISSING_NAME
    ]
    if not (run.per_test and run.is_complete):
        told.append(run.log)
    return any(map(_NOT_FOUND.search, told))
