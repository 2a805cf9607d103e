"""What ``cargo test`` prints: https://doc.rust-lang.org/rustc/tests/index.html."""

import re
from collections.abc import Iterator
from pathlib import PurePosixPath

from shared.errors import TargetError
from shared.target.junit import Results
from shared.target.values import Failure, FailureKind, Outcome

_PART = re.compile(r"^\s+(?:Running (?:unittests )?(?P<file>\S+) \(|Doc-tests (?P<doc>\S+)$)")
_BEGIN = re.compile(r"^running (?P<tests>\d+) tests?$")
_LINE = re.compile(
    r"^test (?P<name>.+?)(?: - should panic)? \.\.\. (?P<said>ok|FAILED|ignored)(?:, .*)?$"
)
_SECTION = re.compile(r"^---- (?P<name>.+?) stdout ----$")
_PANIC = re.compile(r"panicked at (?P<file>[^:\n]+):\d+:\d+:\n(?P<message>[^\n]*)")
_ERROR = re.compile(r"^error(?:\[(?P<code>E\d+)\])?: (?P<message>.+)$", re.MULTILINE)
_SUMMARY = ("could not compile", "aborting due to", "test failed", "doctest failed")
# Names, methods, fields and parameters that do not exist: https://doc.rust-lang.org/error_codes.
_MISSING = {"E0425", "E0432", "E0433", "E0412", "E0405", "E0599", "E0560", "E0609", "E0061"}
_SAID = {"ok": Outcome.PASSED, "FAILED": Outcome.FAILED, "ignored": Outcome.SKIPPED}


def ask(line: str, report: str) -> str:
    """Let all test programs run, also after one of them has failed."""
    del report
    return line if "--no-fail-fast" in line else f"{line} --no-fail-fast"


def read(output: str, report: bytes, workspace: PurePosixPath) -> Results:
    """Return results by ``<file>::<test>``; raises TargetError where lines are missing."""
    del report, workspace
    results = Results({}, {})
    for file, lines in _parts(output):
        _read_part(file, lines, results)
    if not results.outcomes and (failure := _unbuilt(output)):
        results.failures["cargo test"] = failure
    return results


def _parts(output: str) -> Iterator[tuple[str, list[str]]]:
    """Split the output by test program."""
    file, lines = "", list[str]()
    for line in output.splitlines():
        if match := _PART.match(line):
            if file:
                yield file, lines
            file, lines = match["file"] or f"doc-tests of {match['doc']}", []
        lines.append(line)
    if file:
        yield file, lines


def _read_part(file: str, lines: list[str], results: Results) -> None:
    said = _sections(lines)
    expected, found, reading = 0, 0, False
    for line in lines:
        if begin := _BEGIN.match(line):
            # What a test prints comes after this list; a second one is not cargo's.
            expected, reading = expected + int(begin["tests"]), True
        elif line == "failures:" or line.startswith("test result:"):
            reading = False
        elif reading and (match := _LINE.match(line)):
            found += 1
            name = f"{file}::{match['name']}"
            results.outcomes[name] = _SAID[match["said"]]
            if match["said"] == "FAILED":
                results.failures[name] = _failure(said.get(match["name"], ""))
    if found != expected:
        raise TargetError(f"{file} announces {expected} tests and tells of {found}.")


def _sections(lines: list[str]) -> dict[str, str]:
    """Return what each failed test printed."""
    found: dict[str, list[str]] = {}
    name = ""
    for line in lines:
        if match := _SECTION.match(line):
            name = match["name"]
        elif line == "failures:":
            name = ""
        elif name:
            found.setdefault(name, []).append(line)
    return {name: "\n".join(text) for name, text in found.items()}


def _failure(text: str) -> Failure:
    match = _PANIC.search(text)
    message = match["message"] if match else next(iter(text.strip().splitlines()), "It failed.")
    is_assertion = message.startswith("assertion") or (match and "tests/" in match["file"])
    kind = FailureKind.ASSERTION if is_assertion else FailureKind.RAISED
    return Failure(kind=kind, message=message[:400], text=text[-4000:])


def _unbuilt(output: str) -> Failure | None:
    """Say why nothing could be built: for a name that the project lacks, or by a mistake."""
    errors = [e for e in _ERROR.finditer(output) if not e["message"].startswith(_SUMMARY)]
    if not errors:
        return None
    is_missing = all(error["code"] in _MISSING for error in errors)
    kind = FailureKind.MISSING_NAME if is_missing else FailureKind.COLLECTION
    told = next((e for e in errors if e["code"] not in _MISSING), errors[0])
    return Failure(kind=kind, message=told["message"][:400], text=output[-4000:])
