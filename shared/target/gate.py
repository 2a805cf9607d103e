"""The gate of test-first work: new tests fail for a proper reason, then pass, and nothing breaks.

Three runs of the same repository are compared: ``base`` before anything was changed, ``red``
with the new tests only, ``head`` with tests and change.

A new test is red for a proper reason if an assertion fails, if the project lacks the name or
parameter that the test asks for, or if the project's own code raises. All of it happens in the
test itself: a file that cannot be imported, a fixture that fails and a mistake of the test
prove nothing, because they would look the same whether or not the project is at fault.

A compiler refuses what a name is missing for, with all tests around it: that too is a proper
reason, if it complains of nothing else.

Where only an exit code is known, the command has to succeed, then fail, then succeed.
"""

from collections.abc import Iterable, Iterator, Sequence

from shared.domain import Value
from shared.target.values import Failure, FailureKind, Outcome, TestRun

PROPER = frozenset({FailureKind.ASSERTION, FailureKind.MISSING_NAME, FailureKind.RAISED})
_FAILING = (Outcome.FAILED, Outcome.ERROR, Outcome.TIMED_OUT)
_SET_ASIDE = (Outcome.SKIPPED, Outcome.XFAILED)
_MOST_NAMED = 10
_ADVICE = {
    FailureKind.ERROR: (
        "It is the test itself that raised, not the project: correct it, and assert what is "
        "expected, so that a wrong result shows as a failed assertion."
    ),
    FailureKind.SETUP: "A fixture failed, not the test: correct the fixture.",
    FailureKind.TIMEOUT: "It does not end: make it fail within seconds.",
    FailureKind.UNKNOWN: "It is not known why: make it fail by an assertion.",
}


_FOREIGN = (
    "A package from elsewhere that the project does not have: do without it, or add it to the "
    "dependencies that the project states, and a person is asked to let it in."
)


class RedVerdict(Value):
    """What the new tests show before the change.

    Sentences name all that is wrong, one thing each, with what to do. ``broken`` and
    ``vanished`` are tests that passed on base.
    """

    sentences: tuple[str, ...] = ()
    new: tuple[str, ...] = ()
    broken: tuple[str, ...] = ()
    vanished: tuple[str, ...] = ()

    @property
    def ok(self) -> bool:
        """Tell whether the new tests may be worked against."""
        return not self.sentences


class GreenVerdict(Value):
    """What the change did to the tests.

    ``fixed`` are new tests that pass, ``still_red`` those that do not. ``broken``,
    ``vanished`` and ``set_aside`` (skipped, expected to fail) passed on base. ``flaky`` ones
    failed and passed again without a change; they are named, but not held against it.
    """

    sentences: tuple[str, ...] = ()
    fixed: tuple[str, ...] = ()
    still_red: tuple[str, ...] = ()
    broken: tuple[str, ...] = ()
    vanished: tuple[str, ...] = ()
    set_aside: tuple[str, ...] = ()
    flaky: tuple[str, ...] = ()

    @property
    def ok(self) -> bool:
        """Tell whether the change does what the tests ask for, and harms nothing."""
        return not self.sentences


def judge_red(base: TestRun, red: TestRun) -> RedVerdict:
    """Judge whether new tests fail on the base commit for a proper reason."""
    unreliable = (*_unreliable("before any change", base), *_unreliable("with the new tests", red))
    if unreliable:
        return RedVerdict(sentences=unreliable)
    if not red.per_test:
        return _red_by_exit_code(base, red)
    unbuilt = red.unbuilt - base.unbuilt
    new = sorted((red.outcomes.keys() - base.outcomes.keys()) | unbuilt)
    broken = sorted(base.passed & red.ids(*_FAILING, *_SET_ASIDE))
    # What cannot be built runs no test, old ones neither; they are looked for in the green run.
    vanished = [] if unbuilt else sorted(base.passed - red.outcomes.keys())
    moved = _functions(new) & _functions(vanished)
    sentences = [*_collection(base, red), *_moved(moved), *_faults(new, moved, red)]
    if not new and not sentences:
        sentences.append(
            "No new test was found: add at least one, with a name of its own, in a file that "
            "the project's tests are collected from."
        )
    sentences += _named(broken, "passed before and must not fail because of new tests", red)
    gone = [test for test in vanished if _function(test) not in moved]
    sentences += _named(gone, "passed before and is gone: leave existing tests in place")
    return RedVerdict(
        sentences=tuple(sentences), new=tuple(new), broken=tuple(broken), vanished=tuple(vanished)
    )


def judge_green(base: TestRun, red: TestRun, head: TestRun) -> GreenVerdict:
    """Judge whether a change makes the new tests pass and keeps all others."""
    unreliable = (
        *_unreliable("before any change", base),
        *_unreliable("with the new tests", red),
        *_unreliable("with the change", head),
    )
    if unreliable:
        return GreenVerdict(sentences=unreliable)
    if not head.per_test:
        return _green_by_exit_code(head)
    new = _asked_for(base, red, head)
    still_red = sorted(new - head.passed)
    wavering = sorted(new & head.ids(Outcome.FLAKY))
    harm = _harm(base, head)
    sentences = [
        *_collection(base, head),
        *_named(sorted(head.unbuilt), "cannot be built", head),
        *_named(sorted(set(still_red) - set(wavering)), "has to pass and does not", head),
        *_named(wavering, "has to pass each time and passes only sometimes"),
        *_harm_told(harm, head),
    ]
    if not new:
        sentences.append("No new test shows what the change is for: add one that fails without it.")
    return harm.model_copy(
        update={
            "sentences": tuple(sentences),
            "fixed": tuple(sorted(new & head.passed)),
            "still_red": tuple(still_red),
        }
    )


def _asked_for(base: TestRun, red: TestRun, head: TestRun) -> frozenset[str]:
    """Return the new tests; where the red run could not build them, those that came with it."""
    run = head if red.unbuilt - base.unbuilt else red
    return frozenset(run.outcomes.keys() - base.outcomes.keys())


def judge_kept(before: TestRun, after: TestRun) -> GreenVerdict:
    """Judge whether a further change, for which no new test is asked, harms nothing."""
    unreliable = (*_unreliable("before it", before), *_unreliable("with the change", after))
    if unreliable:
        return GreenVerdict(sentences=unreliable)
    if not after.per_test:
        return _green_by_exit_code(after)
    harm = _harm(before, after)
    sentences = (*_collection(before, after), *_harm_told(harm, after))
    return harm.model_copy(update={"sentences": sentences})


def in_doubt(known: TestRun, run: TestRun) -> frozenset[str]:
    """Return the tests worth a repetition: new ones, and those that passed and fail now."""
    if not (run.per_test and run.is_complete and known.per_test):
        return frozenset()
    broken = known.passed & run.ids(*_FAILING)
    return frozenset(run.outcomes.keys() - known.outcomes.keys()) | broken


def told_apart(first: TestRun, again: TestRun) -> TestRun:
    """Mark as flaky what ended otherwise in a repetition on the same tree."""
    failing, passing = first.ids(*_FAILING), first.passed
    flaky = (failing & again.passed) | (passing & again.ids(*_FAILING))
    return first.model_copy(
        update={
            "outcomes": {**first.outcomes, **dict.fromkeys(flaky, Outcome.FLAKY)},
            "failures": {i: failure for i, failure in first.failures.items() if i not in flaky},
        }
    )


def _harm(base: TestRun, head: TestRun) -> GreenVerdict:
    return GreenVerdict(
        broken=tuple(sorted(base.passed & head.ids(*_FAILING))),
        vanished=tuple(sorted(base.passed - head.outcomes.keys())),
        set_aside=tuple(sorted(base.passed & head.ids(*_SET_ASIDE))),
        flaky=tuple(sorted(base.passed & head.ids(Outcome.FLAKY))),
    )


def _harm_told(harm: GreenVerdict, head: TestRun) -> Iterator[str]:
    yield from _named(harm.broken, "passed before the change and fails now", head)
    yield from _named(harm.vanished, "passed before the change and is gone: bring it back")
    yield from _named(
        harm.set_aside, "passed before the change and is skipped or expected to fail now"
    )


def _unreliable(when: str, run: TestRun) -> tuple[str, ...]:
    if run.timed_out:
        late = sorted(run.ids(Outcome.TIMED_OUT))
        named = f" {late[0]} was running: see whether it can end." if late else ""
        return (f"The tests {when} did not end within {run.seconds:.0f} s.{named}",)
    return tuple(f"The tests {when} gave no reliable result: {doubt}" for doubt in run.doubts)


def _collection(base: TestRun, run: TestRun) -> Iterator[str]:
    for file in sorted(run.uncollected - base.uncollected):
        message = run.failures[file].message
        advice = "correct it"
        if "ImportError" in message or "ModuleNotFoundError" in message:
            advice = "import what does not exist yet inside the test, not at the top of the file"
            advice += f". {_FOREIGN.rstrip('.')}"
        yield f"{file} cannot be collected ({message}): {advice}."


def _function(test: str) -> str:
    """Return the id of a parametrised test without its parameters."""
    return test.partition("[")[0]


def _functions(tests: Iterable[str]) -> set[str]:
    return {_function(test) for test in tests if "[" in test}


def _moved(functions: set[str]) -> Iterator[str]:
    # pytest numbers cases by their place, so a case put between others renames all that follow.
    for function in sorted(functions):
        yield (
            f"{function}: the ids of existing cases have changed. Put new cases at the end of "
            "their list, or into a test of their own."
        )


def _faults(new: Sequence[str], moved: set[str], red: TestRun) -> list[str]:
    judged = (test for test in new if _function(test) not in moved)
    faults = [sentence for test in judged for sentence in _against(test, red)]
    if len(faults) <= _MOST_NAMED:
        return faults
    more = len(faults) - _MOST_NAMED
    return [
        *faults[:_MOST_NAMED],
        f"{more} more new tests have faults like these: see to them all.",
    ]


def _against(test: str, red: TestRun) -> Iterator[str]:
    """Say what keeps a new test from being a proof."""
    outcome, failure = red.outcomes.get(test), red.failures.get(test)
    if outcome is Outcome.PASSED:
        yield f"{test} passes without the change: make it ask for what is missing, or remove it."
    elif outcome in _SET_ASIDE:
        yield f"{test} is skipped or expected to fail: let it run and fail."
    elif outcome is Outcome.FLAKY:
        yield f"{test} fails only sometimes: make it depend on nothing but the project."
    elif failure and failure.kind not in PROPER:
        is_foreign = failure.kind is FailureKind.ERROR and "No module named" in failure.message
        advice = _FOREIGN if is_foreign else _ADVICE[failure.kind]
        yield f"{test} fails for the wrong reason ({failure.message}). {advice}"


def _named(tests: Sequence[str], what: str, run: TestRun | None = None) -> Iterator[str]:
    for test in tests[:_MOST_NAMED]:
        failure = run.failures.get(test) if run else None
        yield f"{test} {what}{_because(failure)}."
    if len(tests) > _MOST_NAMED:
        yield f"{len(tests) - _MOST_NAMED} more: the same holds for them ({what})."


def _because(failure: Failure | None) -> str:
    return f" ({failure.message})" if failure else ""


def _red_by_exit_code(base: TestRun, red: TestRun) -> RedVerdict:
    names = tuple(red.outcomes)
    if base.exit_code:
        sentence = "The test command fails before any change: correct that first."
        return RedVerdict(sentences=(sentence,))
    if not red.exit_code:
        sentence = (
            "The test command succeeds with the new tests: make them ask for what is missing."
        )
        return RedVerdict(sentences=(sentence,))
    return RedVerdict(new=names)


def _green_by_exit_code(head: TestRun) -> GreenVerdict:
    names: Iterable[str] = head.outcomes
    if head.exit_code:
        sentences = tuple(_named(sorted(names), "has to succeed and does not", head))
        return GreenVerdict(sentences=sentences, still_red=tuple(names))
    return GreenVerdict(fixed=tuple(names))
