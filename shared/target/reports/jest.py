"""The JSON report of jest, which vitest writes too: https://jestjs.io/docs/cli#--json."""

import json
import re
from collections.abc import Sequence
from pathlib import PurePosixPath

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from shared.errors import TargetError
from shared.target.junit import Results
from shared.target.tree import Tree
from shared.target.values import Failure, FailureKind, Outcome, Reporter

_SAID = {
    "passed": Outcome.PASSED,
    "failed": Outcome.FAILED,
    **dict.fromkeys(("pending", "skipped", "todo", "disabled"), Outcome.SKIPPED),
}
_COLOUR = re.compile(r"\x1b\[[\d;]*m")
_ASSERTION = re.compile(r"\bexpect\(|AssertionError|JestAssertionError|\bExpected:")
_MISSING = re.compile(
    r"is not a (?:function|constructor)|is not defined|does not provide an export"
    r"|Cannot (?:find module|read properties of undefined)|Failed to resolve import \"\."
)
# A foreign package that is not there says nothing about the project.
_FOREIGN = re.compile(r"Cannot find (?:module|package) '(?![./])")
_FRAME = re.compile(r"at .*?\(?(?:file://)?(?P<path>/[^\s:()]+):\d+:\d+\)?")
_SCRIPTED = re.compile(r"^(?:jest|vitest)\b")


class _Lenient(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True)


class _Case(_Lenient):
    titles: tuple[str, ...] = Field(default=(), alias="ancestorTitles")
    title: str
    status: str
    messages: tuple[str, ...] | None = Field(default=(), alias="failureMessages")


class _File(_Lenient):
    name: str
    status: str = ""
    message: str = ""
    cases: tuple[_Case, ...] = Field(default=(), alias="assertionResults")


class _Report(_Lenient):
    files: tuple[_File, ...] = Field(alias="testResults")


def reporter_of(words: Sequence[str], tree: Tree) -> Reporter:
    """Recognise jest and vitest, also as the test script of package.json."""
    bare = list(words[1:]) if words[:1] == ["npx"] else list(words)
    if bare in (["npm", "test"], ["pnpm", "test"], ["yarn", "test"]):
        bare = _script(tree).split()
    if bare[:1] == ["jest"]:
        return Reporter.JEST
    return Reporter.VITEST if bare[:1] == ["vitest"] else Reporter.NONE


def _script(tree: Tree) -> str:
    try:
        line = json.loads(tree.read("package.json"))["scripts"]["test"]
    except (ValueError, KeyError, TypeError, RecursionError):
        return ""
    is_plain = isinstance(line, str) and not set(line) & set("&|;<>$`(){}\n")
    return line if is_plain and _SCRIPTED.match(line) else ""


def ask_jest(line: str, report: str) -> str:
    """Ask jest for a report in a file; what it says to people stays."""
    return f"{_passing_on(line)} --ci --json --outputFile={report}"


def ask_vitest(line: str, report: str) -> str:
    """Ask vitest for a report in a file, beside what it says to people, and for one run."""
    return f"{_passing_on(line)} --run --reporter=default --reporter=json --outputFile={report}"


def _passing_on(line: str) -> str:
    return f"{line} --" if line.startswith(("npm ", "pnpm ")) else line


def read(output: str, report: bytes, workspace: PurePosixPath) -> Results:
    """Return results by ``<file>::<describe> > <test>``.

    Raises TargetError when the report cannot be read.
    """
    del output
    try:
        told = _Report.model_validate_json(report)
    except ValidationError as error:
        raise TargetError("The test tool left no report that can be read.") from error
    results = Results({}, {})
    for file in told.files:
        path = file.name.removeprefix(f"{workspace}/")
        for case in file.cases:
            name = f"{path}::{' > '.join((*case.titles, case.title))}"
            results.outcomes[name] = _SAID.get(case.status, Outcome.ERROR)
            if case.status == "failed":
                text = "\n".join(case.messages or ())
                results.failures[name] = _failure(text, file.name)
        if file.status == "failed" and not file.cases:
            results.failures[path] = _uncollected(file.message)
    return results


def _failure(text: str, file: str) -> Failure:
    plain = _COLOUR.sub("", text).strip()
    paths = [match["path"] for match in _FRAME.finditer(plain)]
    ours = [path for path in paths if "/node_modules/" not in path and path != file]
    if _ASSERTION.search(plain):
        kind = FailureKind.ASSERTION
    elif _MISSING.search(plain) and not _FOREIGN.search(plain):
        kind = FailureKind.MISSING_NAME
    else:
        kind = FailureKind.RAISED if ours else FailureKind.ERROR
    return Failure(kind=kind, message=_first(plain), text=plain[-4000:])


def _uncollected(message: str) -> Failure:
    plain = _COLOUR.sub("", message).strip()
    is_missing = _MISSING.search(plain) and not _FOREIGN.search(plain)
    kind = FailureKind.MISSING_NAME if is_missing else FailureKind.COLLECTION
    return Failure(kind=kind, message=_first(plain), text=plain[-4000:])


def _first(text: str) -> str:
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    told = next((line for line in lines if not line.startswith("●")), "It failed.")
    return told[:400]
