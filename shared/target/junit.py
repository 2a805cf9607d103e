"""Read pytest's JUnit XML, written by code that nobody trusts, into results per test."""

import re
from collections.abc import Iterator
from typing import NamedTuple
from xml.etree import ElementTree as ET

from shared.errors import TargetError
from shared.target.failures import classify
from shared.target.values import Failure, FailureKind, Outcome

_WORST_FIRST = (
    Outcome.ERROR,
    Outcome.FAILED,
    Outcome.SKIPPED,
    Outcome.XFAILED,
    Outcome.PASSED,
)
_LONGEST_TEXT = 4000
_LONGEST_MESSAGE = 400
_BAD_DECLARATION = re.compile(r"<!\s*(?:DOCTYPE|ENTITY)", re.IGNORECASE)


class Results(NamedTuple):
    """Outcomes and failures by test id."""

    outcomes: dict[str, Outcome]
    failures: dict[str, Failure]


class _Case(NamedTuple):
    id: str
    outcome: Outcome | None
    failure: Failure | None


def parse(document: bytes, packages: frozenset[str]) -> Results:
    """Read the xunit1 form of pytest's report; ``packages`` are the project's import names.

    A test that is reported more than once has its worst outcome. Raises TargetError when the
    document is not plain well-formed XML in UTF-8.
    """
    results = Results({}, {})
    for element in _root(document).iter("testcase"):
        case = _case(element, packages)
        known = results.outcomes.get(case.id)
        if known is not None and not _is_worse(case.outcome, known):
            continue
        if case.outcome is not None:
            results.outcomes[case.id] = case.outcome
        if case.failure is not None:
            results.failures[case.id] = case.failure
    return results


def _is_worse(outcome: Outcome | None, known: Outcome) -> bool:
    return outcome is not None and _WORST_FIRST.index(outcome) < _WORST_FIRST.index(known)


def _root(document: bytes) -> ET.Element:
    try:
        text = document.decode("utf-8")
        # pytest writes neither; without them there is no entity that could be expanded.
        if _BAD_DECLARATION.search(text):
            raise TargetError("The test report declares a document type, which pytest never does.")
        return ET.fromstring(text)  # noqa: S314 - see above
    except (UnicodeDecodeError, ET.ParseError) as error:
        raise TargetError(f"The test report is not well-formed XML: {error}.") from error


def _case(element: ET.Element, packages: frozenset[str]) -> _Case:
    identity = _identity(element)
    problems = tuple(_problems(element))
    skipped = element.find("skipped")
    if problems:
        failure = _failure(problems[0], identity, packages)
        if failure.kind is FailureKind.COLLECTION:
            return _Case(element.get("file") or identity, None, failure)
        is_failed = any(problem.tag == "failure" for problem in problems)
        return _Case(identity, Outcome.FAILED if is_failed else Outcome.ERROR, failure)
    if skipped is not None:
        is_expected = skipped.get("type") == "pytest.xfail"
        return _Case(identity, Outcome.XFAILED if is_expected else Outcome.SKIPPED, None)
    return _Case(identity, Outcome.PASSED, None)


def _problems(element: ET.Element) -> Iterator[ET.Element]:
    yield from element.iterfind("failure")
    yield from element.iterfind("error")


def _failure(problem: ET.Element, identity: str, packages: frozenset[str]) -> Failure:
    message, text = problem.get("message", ""), problem.text or ""
    file = identity.partition("::")[0]
    kind = classify(problem.tag, message, text, test_file=file, packages=packages)
    return Failure(
        kind=kind,
        message=_first_line(_last_error(text) if kind is FailureKind.COLLECTION else message),
        text=text if len(text) <= _LONGEST_TEXT else f"[...]\n{text[-_LONGEST_TEXT:]}",
    )


def _last_error(text: str) -> str:
    """Return the exception's own line at the end of pytest's account."""
    lines = [line.removeprefix("E").strip() for line in text.splitlines() if line.startswith("E ")]
    return lines[-1] if lines else text.strip()


def _first_line(message: str) -> str:
    lines = message.strip().splitlines() or [""]
    return lines[0] if len(lines[0]) <= _LONGEST_MESSAGE else f"{lines[0][:_LONGEST_MESSAGE]}..."


def _identity(element: ET.Element) -> str:
    """Build pytest's node id again: file, classes, name with its parameters."""
    file, classname = element.get("file", ""), element.get("classname", "")
    name = element.get("name", "")
    module = file.removesuffix(".py").replace("/", ".")
    classes = classname.removeprefix(module).strip(".")
    return "::".join(part for part in (file, *classes.split("."), name) if part)
