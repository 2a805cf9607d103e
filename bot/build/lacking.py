"""An attempt that cannot be judged yet: it asks for packages that nobody has let in."""

import re

from bot.checkout import Checkout
from bot.task import Task
from shared.target import FailureKind, TestRun

_NOT_FOUND = re.compile(
    r"\b(?:ModuleNotFoundError|ImportError|PackageNotFoundError)\b|No module named"
)


async def lacks_packages(
    checkout: Checkout, task: Task, run: TestRun, *, by_tests_alone: bool
) -> bool:
    """Tell whether an attempt needs Python packages that its files add and nobody has let in.

    One whose packages were let in once is judged as it is.
    """
    if task.held is not None or not may_lack(task, run, by_tests_alone=by_tests_alone):
        return False
    return bool(await checkout.new_packages())


def may_lack(task: Task, run: TestRun, *, by_tests_alone: bool) -> bool:
    """Tell whether an attempt may have failed for want of a package, as far as its tests show.

    So it may where the tests alone object and something could not be imported. From the second
    attempt on no import has to be seen to fail: some code goes another way then.
    """
    return by_tests_alone and (bool(task.tried) or cannot_import(run))


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
