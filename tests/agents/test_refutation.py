from agents.refutation import Refuted, refuted, still_open, without
from agents.reviewer import ReviewTask, review
from shared.domain import Finding, Issue, RepoRef, Review, Severity
from tests.fakes import ScriptedChat

ZERO = Finding(severity=Severity.BLOCKING, file="a.py", line=3, why="f(0) raises ValueError.")
NAMES = Finding(severity=Severity.BLOCKING, file="a.py", line=3, why="Two users may share a name.")
TEST = "tests/test_a.py::test_zero"
MESSAGE = f"Both answered.\n- refuted 1: `{TEST}`\nrefuted 2: tests/test_old.py::test_names"


def test_only_a_new_test_that_passes_refutes() -> None:
    """Words do not close a finding, nor does a test that fails or was there before."""
    before = {"tests/test_old.py::test_names"}
    closed = refuted((ZERO, NAMES), MESSAGE, before, {TEST, *before})
    assert closed == (Refuted(finding=ZERO, test=TEST),)
    assert still_open((ZERO, NAMES), closed) == (NAMES,)
    assert refuted((ZERO, NAMES), MESSAGE, before, before) == ()
    assert refuted((ZERO,), "Remark 1 is wrong.", before, {TEST}) == ()
    assert refuted((), MESSAGE, (), {TEST}) == ()


def test_a_parametrised_test_refutes_by_its_name() -> None:
    """The name without parameters stands for its cases."""
    assert refuted((ZERO,), f"Refuted 1: {TEST}", (), {f"{TEST}[0]"})


def test_what_was_refuted_does_not_come_again() -> None:
    """The same reason on the same file is left out, another one on the same line is not."""
    again = ZERO.model_copy(update={"line": 9, "why": "f(0) still raises a ValueError."})
    left = without(Review(summary="", findings=(again, NAMES)), (Refuted(finding=ZERO, test=TEST),))
    assert left.blocking == (NAMES,)


async def test_the_reviewer_is_told_what_was_refuted() -> None:
    """The reviewer sees the closed remark with its test, and repeating it has no effect."""
    chat = ScriptedChat()
    chat.enqueue(Review(summary="No.", findings=(ZERO,)).model_dump_json())
    issue = Issue(repo=RepoRef.parse("a/b"), number=1, title="T", body="", author="a")
    closed = (Refuted(finding=ZERO, test=TEST),)
    task = ReviewTask(issue=issue, diff="+x", evidence="", round=2, refuted=closed)
    assert not (await review(chat, task)).blocking
    assert f"f(0) raises ValueError. Refuted by {TEST}" in chat.asked[0][1].content
