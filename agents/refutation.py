"""Findings that the coder disproves: with a new test that passes, and not with words."""

import re
from collections.abc import Collection, Iterable, Iterator, Sequence

from shared.domain import Finding, Review, Value

_LINE = re.compile(
    r"^[\s>*-]*refuted\s+#?(?P<number>\d{1,3})\s*[:-]\s*`?(?P<test>[^`\n]+?)`?\s*$",
    re.IGNORECASE | re.MULTILINE,
)
_WORD = re.compile(r"\w+")
_ALIKE = 0.5  # share of common words from which two reasons are the same reason


class Refuted(Value):
    """A finding, and the id of the test that shows it to be wrong."""

    finding: Finding
    test: str


def refuted(
    findings: Sequence[Finding], message: str, before: Collection[str], passed: Collection[str]
) -> tuple[Refuted, ...]:
    """Return the findings that a coder's message refutes by a test.

    The message names them by their place in the list, from 1, and the test by its id:
    ``refuted 2: tests/test_a.py::test_b``. ``before`` are the ids of all tests before the answer,
    ``passed`` those that pass with it; a test that was there before proves nothing, since the
    reviewer knew its result.
    """
    new = set(passed) - set(before)
    found = {int(line["number"]): line["test"].strip() for line in _LINE.finditer(message)}
    return tuple(
        Refuted(finding=finding, test=found[number])
        for number, finding in enumerate(findings, 1)
        if number in found and any(_is(test, found[number]) for test in new)
    )


def still_open(findings: Iterable[Finding], closed: Iterable[Refuted]) -> tuple[Finding, ...]:
    """Return the findings that no test has closed."""
    gone = [one.finding for one in closed]
    return tuple(finding for finding in findings if finding not in gone)


def without(review: Review, closed: Iterable[Refuted]) -> Review:
    """Leave out of a review what says again, of the same file, what a test has refuted."""
    gone = [one.finding for one in closed]
    kept = (f for f in review.findings if not any(_says_again(f, old) for old in gone))
    return review.model_copy(update={"findings": tuple(kept)})


def _is(test: str, named: str) -> bool:
    return test == named or test.startswith(f"{named}[")


def _says_again(new: Finding, old: Finding) -> bool:
    one, other = set(_words(new)), set(_words(old))
    return new.file == old.file and len(one & other) >= _ALIKE * len(one | other)


def _words(finding: Finding) -> Iterator[str]:
    yield from (word.casefold() for word in _WORD.findall(finding.why))
