import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.target.evidence import evidence
from shared.target.gate import PROPER, in_doubt, judge_green, judge_red, told_apart
from shared.target.values import Failure, FailureKind, Outcome, TestRun

from .kit import run_of

OLD, NEW = "tests/test_a.py::test_old", "tests/test_a.py::test_new"
P, F, E, S, X = Outcome.PASSED, Outcome.FAILED, Outcome.ERROR, Outcome.SKIPPED, Outcome.XFAILED
BASE = run_of({OLD: P})
RED = run_of({OLD: P, NEW: F}, {NEW: FailureKind.ASSERTION})
HEAD = run_of({OLD: P, NEW: P})


@pytest.mark.parametrize("kind", sorted(PROPER))
def test_proper_reasons(kind: FailureKind) -> None:
    """A new test that fails by assertion, missing name or an error of the project is a proof."""
    verdict = judge_red(BASE, run_of({OLD: P, NEW: F}, {NEW: kind}))
    assert verdict.ok
    assert verdict.new == (NEW,)


@pytest.mark.parametrize(
    ("red", "words"),
    [
        (BASE, "No new test was found"),
        (HEAD, f"{NEW} passes without the change"),
        (run_of({OLD: P, NEW: S}), f"{NEW} is skipped or expected to fail"),
        (run_of({OLD: P, NEW: X}), f"{NEW} is skipped or expected to fail"),
        (run_of({OLD: P, NEW: F}, {NEW: FailureKind.ERROR}), "It is the test itself that raised"),
        (run_of({OLD: P, NEW: E}, {NEW: FailureKind.SETUP}), "A fixture failed"),
        (run_of({OLD: P}, {"tests/test_b.py": FailureKind.COLLECTION}), "cannot be collected"),
        (
            run_of({OLD: F, NEW: F}, {OLD: FailureKind.ASSERTION, NEW: FailureKind.ASSERTION}),
            f"{OLD} passed before and must not fail",
        ),
        (run_of({OLD: S, NEW: F}, {NEW: FailureKind.ASSERTION}), f"{OLD} passed before"),
        (run_of({NEW: F}, {NEW: FailureKind.ASSERTION}), f"{OLD} passed before and is gone"),
        (RED.model_copy(update={"timed_out": True}), "did not end within 1 s"),
        (RED.model_copy(update={"doubts": ("It lies.",)}), "no reliable result: It lies."),
    ],
)
def test_red_refused(red: TestRun, words: str) -> None:
    """Whatever proves nothing is refused in a sentence that names the test and the fault."""
    verdict = judge_red(BASE, red)
    assert not verdict.ok
    assert any(words in sentence for sentence in verdict.sentences)


@pytest.mark.parametrize("kind", [FailureKind.ERROR, FailureKind.COLLECTION])
def test_a_package_that_the_project_lacks_is_named(kind: FailureKind) -> None:
    """Tests that import it are refused, and the Tester is told what to do about the package."""
    failure = Failure(kind=kind, message="ModuleNotFoundError: No module named 'zipp'")
    failed = {"tests/test_b.py" if kind is FailureKind.COLLECTION else NEW: failure}
    outcomes = {OLD: P} | ({NEW: F} if kind is FailureKind.ERROR else {})
    told = judge_red(BASE, run_of(outcomes).model_copy(update={"failures": failed})).sentences
    assert "No module named 'zipp'" in told[0]
    assert "add it to the dependencies that the project states" in told[0]


def test_old_troubles_are_not_held_against_new_tests() -> None:
    """Tests that failed and files that could not be collected on base stay out of the verdict."""
    trouble = {"tests/test_b.py": FailureKind.COLLECTION, "t.py::bad": FailureKind.ERROR}
    base = run_of({OLD: P, "t.py::bad": F}, trouble)
    red = run_of({OLD: P, NEW: F, "t.py::bad": F}, {**trouble, NEW: FailureKind.ASSERTION})
    assert judge_red(base, red).ok


def test_missing_import_gets_advice() -> None:
    """A file that imports the missing feature at its top is told to import it in the test."""
    red = run_of({OLD: P}, {"tests/test_b.py": FailureKind.COLLECTION})
    failure = red.failures["tests/test_b.py"].model_copy(
        update={"message": "ImportError: cannot import name 'new' from 'pkg'"}
    )
    red = red.model_copy(update={"failures": {"tests/test_b.py": failure}})
    assert "inside the test" in judge_red(BASE, red).sentences[0]


def test_moved_cases_get_advice() -> None:
    """Cases put in the middle of a parametrised test are told apart from tests that are gone."""
    old = {f"t.py::test[case{n}-{name}]": P for n, name in enumerate("abc")}
    base = run_of({**old, "t.py::other": P})
    shifted = {"t.py::test[case0-a]": P, "t.py::test[case2-b]": P, "t.py::test[case3-c]": P}
    red = run_of({**shifted, "t.py::test[case1-x]": F}, {"t.py::test[case1-x]": FailureKind.RAISED})
    moved, gone = judge_red(base, red).sentences
    assert moved.startswith("t.py::test: ")
    assert "at the end of their list" in moved
    assert gone.startswith("t.py::other passed before and is gone")


def test_many_faults_are_cut() -> None:
    """A long list of useless new tests names ten, and says how many more there are."""
    sentences = judge_red(run_of({}), run_of({f"t.py::{n:02}": P for n in range(15)})).sentences
    assert len(sentences) == 11
    assert sentences[-1].startswith("5 more")


def test_green() -> None:
    """A change that makes the new tests pass and keeps the old ones is accepted."""
    verdict = judge_green(BASE, RED, HEAD)
    assert verdict.ok
    assert verdict.fixed == (NEW,)


@pytest.mark.parametrize(
    ("head", "words"),
    [
        (RED, f"{NEW} has to pass and does not (assertion!)"),
        (run_of({OLD: P}), f"{NEW} has to pass"),
        (run_of({OLD: F, NEW: P}, {OLD: FailureKind.RAISED}), f"{OLD} passed before the change"),
        (run_of({NEW: P}), f"{OLD} passed before the change and is gone"),
        (run_of({OLD: S, NEW: P}), f"{OLD} passed before the change and is skipped"),
        (run_of({OLD: X, NEW: P}), f"{OLD} passed before the change and is skipped"),
        (run_of({OLD: P, NEW: Outcome.FLAKY}), f"{NEW} has to pass"),
        (
            run_of({OLD: P, NEW: P}, {"tests/test_b.py": FailureKind.COLLECTION}),
            "tests/test_b.py cannot be collected",
        ),
        (HEAD.model_copy(update={"doubts": ("It lies.",)}), "no reliable result"),
    ],
)
def test_green_refused(head: TestRun, words: str) -> None:
    """A change that misses a new test or harms an old one is refused by name."""
    verdict = judge_green(BASE, RED, head)
    assert not verdict.ok
    assert any(words in sentence for sentence in verdict.sentences)


@given(
    base=st.dictionaries(st.sampled_from("abcdef"), st.sampled_from(list(Outcome))),
    head=st.dictionaries(st.sampled_from("abcdefxy"), st.sampled_from(list(Outcome))),
)
def test_a_lost_test_is_never_ok(base: dict[str, Outcome], head: dict[str, Outcome]) -> None:
    """No head run that loses a test which passed on base is ever accepted."""
    red = {**base, "x": F}
    verdict = judge_green(run_of(base), run_of(red, {"x": FailureKind.ASSERTION}), run_of(head))
    kept = {Outcome.PASSED, Outcome.FLAKY}
    lost = {t for t, outcome in base.items() if outcome is P and head.get(t) not in kept}
    assert verdict.ok is (not lost and head.get("x") is P)
    assert set(verdict.broken) | set(verdict.vanished) | set(verdict.set_aside) == lost


def test_flaky_is_told_apart() -> None:
    """A test that passes when repeated on the same tree is named, but not held against it."""
    failing = run_of({OLD: F, NEW: P}, {OLD: FailureKind.ASSERTION})
    verdict = judge_green(BASE, RED, told_apart(failing, run_of({OLD: P})))
    assert verdict.ok
    assert verdict.flaky == (OLD,)
    assert not judge_green(BASE, RED, told_apart(failing, failing)).ok


def test_by_exit_code() -> None:
    """Where only an exit code is known, it has to be good, bad and good again."""
    good = run_of({"make test": P}, per_test=False)
    bad = run_of({"make test": F}, {"make test": FailureKind.UNKNOWN}, per_test=False)
    assert judge_red(good, bad).ok
    assert not judge_red(good, good).ok
    assert not judge_red(bad, bad).ok
    assert judge_green(good, bad, good).ok
    assert not judge_green(good, bad, bad).ok


def test_many_names_are_cut() -> None:
    """A long list of broken tests names ten, and says how many more there are."""
    base = run_of({f"t.py::{n:02}": P for n in range(15)})
    sentences = judge_green(base, base, run_of({})).sentences
    assert any(sentence.startswith("5 more") for sentence in sentences)


def test_evidence() -> None:
    """The proof names each new test with its reason, and counts the three runs."""
    proof = evidence(BASE, RED, HEAD)
    assert proof.holds
    assert [(p.test, p.kind) for p in proof.proofs] == [(NEW, FailureKind.ASSERTION)]
    assert (proof.base.passed, proof.red.failed, proof.head.passed) == (1, 1, 2)
    assert not evidence(BASE, RED, RED).holds


def test_a_new_test_that_passes_only_sometimes_is_no_proof() -> None:
    """What passed and fails when repeated on the same files is flaky, and no proof of a change."""
    passing = run_of({OLD: P, NEW: P})
    wavering = told_apart(passing, run_of({NEW: F}, {NEW: FailureKind.ASSERTION}))
    assert wavering.ids(Outcome.FLAKY) == {NEW}
    (sentence,) = judge_green(BASE, RED, wavering).sentences
    assert "passes only sometimes" in sentence


def test_only_what_is_new_or_broken_is_in_doubt() -> None:
    """Tests that end as before are not run again; those of an unreliable run neither."""
    base = run_of({OLD: P, "tests/test_a.py::test_bad": F})
    now = run_of({OLD: F, NEW: P, "tests/test_a.py::test_bad": F})
    assert in_doubt(base, now) == {OLD, NEW}
    assert not in_doubt(now, now)
    assert not in_doubt(base, now.model_copy(update={"timed_out": True}))
