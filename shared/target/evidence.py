"""The proof that a pull request carries, as values; how it looks is decided elsewhere."""

from shared.domain import Value
from shared.target.gate import judge_green, judge_red
from shared.target.values import FailureKind, Outcome, TestRun


class Tally(Value):
    """How many tests of a run ended in which way."""

    passed: int
    failed: int
    skipped: int
    uncollected: int
    seconds: float


class Proof(Value):
    """A new test, and why it failed before the change."""

    test: str
    kind: FailureKind
    message: str


class Evidence(Value):
    """The three runs in numbers, the new tests by name, and whether all of it holds."""

    base: Tally
    red: Tally
    head: Tally
    proofs: tuple[Proof, ...]
    flaky: tuple[str, ...]
    holds: bool


def tally(run: TestRun) -> Tally:
    """Count the outcomes of a run."""
    return Tally(
        passed=len(run.passed),
        failed=len(run.ids(Outcome.FAILED, Outcome.ERROR, Outcome.TIMED_OUT, Outcome.FLAKY)),
        skipped=len(run.ids(Outcome.SKIPPED, Outcome.XFAILED)),
        uncollected=len(run.uncollected),
        seconds=run.seconds,
    )


def evidence(base: TestRun, red: TestRun, head: TestRun) -> Evidence:
    """Sum up what the three runs prove."""
    before, after = judge_red(base, red), judge_green(base, red, head)
    return Evidence(
        base=tally(base),
        red=tally(red),
        head=tally(head),
        proofs=tuple(
            Proof(test=test, kind=red.failures[test].kind, message=red.failures[test].message)
            for test in before.new
            if test in red.failures
        ),
        flaky=after.flaky,
        holds=before.ok and after.ok,
    )
