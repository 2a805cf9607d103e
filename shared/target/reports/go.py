"""What ``go test -json`` prints: https://pkg.go.dev/cmd/test2json."""

import re
from collections.abc import Iterable
from pathlib import PurePosixPath

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from shared.target.junit import Results
from shared.target.values import Failure, FailureKind, Outcome

_ENDED = {"pass": Outcome.PASSED, "fail": Outcome.FAILED, "skip": Outcome.SKIPPED}
_AT = re.compile(r"^\s*\S+_test\.go:\d+: (?P<message>.+)$", re.MULTILINE)
_PANIC = re.compile(r"^panic: (?P<message>.+?)(?: \[recovered.*)?$", re.MULTILINE)
_COMPILER = re.compile(r"^(?:vet: )?\S+\.go:\d+:\d+: (?P<message>.+)$", re.MULTILINE)
_HEAD = re.compile(r"^# (?P<package>\S+)", re.MULTILINE)
_MISSING = re.compile(
    r"^undefined: |undefined \(type |^unknown field |^too many arguments in call"
    r"|^not enough arguments in call|is not in (?:std|GOROOT)"
)


class _Event(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True)

    action: str = Field(alias="Action")
    package: str = Field(default="", alias="Package")
    test: str = Field(default="", alias="Test")
    output: str = Field(default="", alias="Output")


def ask(line: str, report: str) -> str:
    """Ask for one JSON object a line on standard output."""
    del report
    return line if "-json" in line.split() else line.replace("go test", "go test -json", 1)


def read(output: str, report: bytes, workspace: PurePosixPath) -> Results:
    """Return results by ``<package>::<test>``; a test with subtests is told by these."""
    del report, workspace
    results = Results({}, {})
    events, rest = _events(output.splitlines())
    said: dict[str, list[str]] = {}
    for event in events:
        if event.action == "output":
            said.setdefault(f"{event.package}::{event.test}", []).append(event.output)
    ended = {f"{e.package}::{e.test}": e.action for e in events if e.action in _ENDED and e.test}
    parents = {name.rpartition("/")[0] for name in ended if "/" in name.partition("::")[2]}
    for name, action in ended.items():
        if name in parents and not _fails_alone(name, ended):
            continue
        results.outcomes[name] = _ENDED[action]
        if action == "fail":
            results.failures[name] = _failure("".join(said.get(name, [])))
    _add_unbuilt(events, ended, rest, results)
    return results


def shown(output: str) -> str:
    """Return what people would have been shown."""
    events, rest = _events(output.splitlines())
    return f"{rest}\n{''.join(event.output for event in events)}".lstrip("\n")


def _events(lines: Iterable[str]) -> tuple[list[_Event], str]:
    """Return the events, and the other lines, which are the compiler's."""
    events, rest = list[_Event](), list[str]()
    for line in lines:
        try:
            event = _Event.model_validate_json(line)
        except ValidationError:
            rest.append(line)
            continue
        if event.action == "build-output":
            rest.append(event.output.rstrip("\n"))
        else:
            events.append(event)
    return events, "\n".join(rest)


def _fails_alone(name: str, ended: dict[str, str]) -> bool:
    inner = (action for other, action in ended.items() if other.startswith(f"{name}/"))
    return ended[name] == "fail" and "fail" not in inner


def _failure(text: str) -> Failure:
    if match := _PANIC.search(text):
        return Failure(kind=FailureKind.RAISED, message=match["message"][:400], text=text[-4000:])
    match = _AT.search(text)
    message = match["message"] if match else "It failed without a message."
    return Failure(kind=FailureKind.ASSERTION, message=message[:400], text=text[-4000:])


def _add_unbuilt(events: list[_Event], ended: dict[str, str], rest: str, results: Results) -> None:
    """Add packages that failed before a test of theirs did, with what the compiler said."""
    failed = {e.package for e in events if e.action == "fail" and not e.test}
    failed |= {match["package"] for match in _HEAD.finditer(rest)}
    told = {name.partition("::")[0] for name, action in ended.items() if action == "fail"}
    errors = [match["message"] for match in _COMPILER.finditer(rest)]
    for package in sorted(failed - told):
        is_missing = bool(errors) and all(_MISSING.search(error) for error in errors)
        kind = FailureKind.MISSING_NAME if is_missing else FailureKind.COLLECTION
        other = (error for error in errors if not _MISSING.search(error))
        message = next(other, errors[0] if errors else "It failed before its tests ran.")
        results.failures[package] = Failure(kind=kind, message=message[:400], text=rest[-4000:])
