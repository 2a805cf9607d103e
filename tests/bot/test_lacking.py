"""When a failed attempt asks for packages, and what of a finished change is asked for again."""

import pytest

from agents.frontier import Attempt
from bot.build.lacking import may_lack
from bot.protection import still_open
from bot.task import Basis, Task
from shared.domain import Issue, RepoRef
from shared.guard.change import Concern, Reason
from shared.target import Failure, FailureKind, Outcome, TestRun

_TEST = "tests/test_new.py::test_new"
_ISSUE = Issue(
    repo=RepoRef(owner="alice", name="parcel"), number=1, title="t", body="b", author="alice"
)
_TASK = Task(basis=Basis(issue=_ISSUE, base_branch="main", base_sha="0" * 40))


def ran(kind: FailureKind, message: str, log: str = "") -> TestRun:
    """Return a run in which the new test fails."""
    return TestRun(
        outcomes={_TEST: Outcome.FAILED},
        failures={_TEST: Failure(kind=kind, message=message)},
        exit_code=1,
        log=log,
        seconds=1.0,
    )


_FOREIGN = ran(FailureKind.RAISED, "ModuleNotFoundError: No module named 'h11'")
_OWN = ran(FailureKind.MISSING_NAME, "ModuleNotFoundError: No module named 'parcel.new'")
_WRONG = ran(FailureKind.ASSERTION, "assert 1 == 2")
_DIED = TestRun(
    exit_code=4, log="ImportError: No module named 'h11'", seconds=1.0, doubts=("No report.",)
)


@pytest.mark.parametrize(
    ("green", "lacks"),
    [(_FOREIGN, True), (_DIED, True), (_OWN, False), (_WRONG, False)],
    ids=["a foreign module", "died while loading", "a module of its own", "a wrong result"],
)
def test_a_failed_import_asks_for_packages(green: TestRun, *, lacks: bool) -> None:
    """Only what could not be imported from elsewhere makes a first attempt wait for a person."""
    assert may_lack(_TASK, green, by_tests_alone=True) is lacks


def test_a_second_attempt_asks_whatever_its_tests_show() -> None:
    """Code that goes another way when an import fails still comes to its package."""
    again = _TASK.failed(Attempt(message="m", verdicts=("v",)))
    assert may_lack(again, _WRONG, by_tests_alone=True)


def test_an_attempt_that_may_not_stay_asks_for_nothing() -> None:
    """Nobody is bothered for a change that breaks other rules as well."""
    assert not may_lack(_TASK, _FOREIGN, by_tests_alone=False)


def test_what_was_let_in_is_not_asked_for_again() -> None:
    """Another package, another version and another language's package are; the same list is not."""

    def asks(path: str, package: str) -> Reason:
        return Reason(concern=Concern.DEPENDENCY, path=path, detail=package)

    same = asks("pyproject.toml", "h11>=0.14")
    other = (asks("pyproject.toml", "h11>=0.15"), asks("requirements.txt", "idna"))
    node = asks("package.json", "h11>=0.14")
    lock = Reason(concern=Concern.LOCK_FILE, path="uv.lock")
    assert still_open((same, *other, node, lock), ("h11>=0.14",)) == (*other, node, lock)
    assert still_open((same,), ("h11>=0.14",)) == ()
