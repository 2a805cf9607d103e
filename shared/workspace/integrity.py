"""What a change does to its own proof: test settings, shadowed modules, altered tests.

Tests, pytest and the project share one process, so no look at the files catches every trick;
these are the ones that need no skill. What is certain is forbidden, what may be honest is shown.
"""

import ast
import json
import re
import sys
import tomllib
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from configparser import ConfigParser
from configparser import Error as IniError
from pathlib import PurePosixPath
from typing import Self

from shared.domain import Value
from shared.guard.change import LINK, Blob, Entry
from shared.guard.dependencies import is_extensible, only_adds
from shared.workspace.altered import acting_on_all, altered, parsed
from shared.workspace.damage import damaged
from shared.workspace.policy import is_test_file
from shared.workspace.special_cases import special_cases

_ROOTS = ("src", "lib", "python", "tests", "test")
# "test" is a module of the standard library, and the tests' folder of many projects.
_TAKEN = (sys.stdlib_module_names - {"test"}) | {
    *("pytest", "_pytest", "pluggy", "iniconfig", "packaging", "pygments", "py", "tomli"),
    *("exceptiongroup", "sitecustomize", "usercustomize", "xdist", "pytest_cov"),
}
_MODULE = (".py", ".pyc", ".so", ".pth")
_MACHINERY = re.compile(
    r"\b(?:_pytest|PYTEST_\w+|pluggy|junitxml|os\._exit|pytest_\w+|sys\._getframe|sys\.argv"
    r"|sys\.modules|sys\.settrace|gc\.get_objects|inspect\.(?:stack|currentframe)"
    r"|traceback\.extract_stack|sys\.meta_path|sys\.path_hooks|sys\.path_importer_cache"
    r"|__builtins__)\b"
)
_SCRIPT_RUNNERS = ("jest", "vitest", "mocha", "ava", "c8", "nyc")
_TRUE_OF_ALL = re.compile(r"__(?:eq|contains)__")
_LONGEST_LINE = 60
_RUNNER = re.compile(r"\bpytest\b|\bunittest\b")


class Edit(Value):
    """One changed file: its text before and after, None where there is no such text file."""

    path: str
    before: str | None
    after: str | None

    @classmethod
    def of(cls, entry: Entry) -> Self:
        """Read an entry of a change as text; a link is no text file."""
        return cls(path=entry.path, before=_text(entry.before), after=_text(entry.after))


def _text(blob: Blob | None) -> str | None:
    return None if blob is None or blob.mode == LINK else blob.text


def tampered(edits: Iterable[Edit], base_files: Collection[str]) -> tuple[str, ...]:
    """Return a sentence for each change that decides how tests run, to be undone."""
    return tuple(sentence for edit in edits for sentence in _tampered(edit, base_files))


Rule = Callable[[Iterable[Edit], Collection[str]], tuple[str, ...]]
"""Says what of a change may not stay, given the files of the base."""


def tampered_by_tester(edits: Iterable[Edit], base_files: Collection[str]) -> tuple[str, ...]:
    """Return the same, and a sentence for each manifest that says more than what tests import."""
    known = tuple(edits)
    beyond = (
        f"{edit.path} may only be asked for further packages: leave all else in it as it is."
        for edit in known
        if is_extensible(edit.path) and not is_test_file(edit.path)
        if not only_adds(edit.path, edit.before, edit.after)
    )
    return (*tampered(known, base_files), *beyond)


def doubtful(edits: Iterable[Edit], test_files: Collection[str]) -> tuple[str, ...]:
    """Name what a person has to look at before believing that a change is green.

    These are existing tests, their helpers and their data that differ, tests that act on all
    others, code that knows of the tests, code that asks for their very values, values that are
    equal to everything, and texts that were damaged in passing.

    ``test_files`` are those that held tests before the change.
    """
    known = tuple(edits)
    tests = tuple(e.after for e in known if e.after is not None and is_test_file(e.path))
    return tuple(found for edit in known for found in _doubtful(edit, test_files, tests))


def _doubtful(edit: Edit, test_files: Collection[str], tests: Sequence[str]) -> Iterator[str]:
    is_python = edit.path.endswith(".py")
    yield from (f"{edit.path} {what}" for what in damaged(edit.before, edit.after))
    if edit.path in test_files or (edit.before and is_test_file(edit.path)):
        found = altered(edit.before, edit.after) if is_python else changed_lines(edit)
        yield from (f"{edit.path}::{what}" for what in found)
    if not is_python:
        return
    if is_test_file(edit.path):
        yield from (f"{edit.path} {what}" for what in acting_on_all(edit.before, edit.after))
    else:
        asked = (*special_cases(edit.before, edit.after, tests), *equal_to_all(edit))
        yield from (f"{edit.path} {what}" for what in asked)
    yield from _knowing(edit)


def changed_lines(edit: Edit) -> Iterator[str]:
    """Name the first line that a text which is no Python has lost; added lines change no test."""
    left = iter((edit.after or "").splitlines())
    gone = (line for line in (edit.before or "").splitlines() if line.strip() and line not in left)
    if (line := next(gone, None)) is not None:
        yield f'"{line.strip()[:_LONGEST_LINE]}" was there before and differs'


def equal_to_all(edit: Edit) -> Iterator[str]:
    """Name new classes whose objects are equal to whatever a test expects."""
    yield from sorted(_equal_to_all(edit.after) - _equal_to_all(edit.before))


def _equal_to_all(text: str | None) -> set[str]:
    if text is None or not _TRUE_OF_ALL.search(text):
        return set()  # before a long file is parsed and walked through
    return {
        f"has a {method.name} in {node.name} that is true of everything"
        for node in ast.walk(parsed(text))
        if isinstance(node, ast.ClassDef)
        for method in node.body
        if isinstance(method, ast.FunctionDef) and _TRUE_OF_ALL.search(method.name)
        if any(
            isinstance(line, ast.Return)
            and isinstance(line.value, ast.Constant)
            and line.value.value is True
            for line in method.body
        )
    }


def _tampered(edit: Edit, base_files: Collection[str]) -> Iterator[str]:
    path = PurePosixPath(edit.path)
    if any(p.casefold().endswith((".egg-info", ".dist-info")) for p in path.parts):
        yield f"{edit.path} would be taken for an installed package: remove it."
    elif path.suffix.casefold() == ".pth":
        yield f"{edit.path} would be run by Python itself: remove it."
    elif name := _shadows(edit, base_files):
        yield f"{edit.path} would be imported in place of the module {name}: name it otherwise."
    elif _settings(edit.path, edit.before) != _settings(edit.path, edit.after):
        yield f"The test settings in {edit.path} decide how tests run and stay as they are."


def _shadows(edit: Edit, base_files: Collection[str]) -> str:
    """Return the foreign module whose place a new file takes, if it takes any."""
    path = PurePosixPath(edit.path)
    inside = path.parts[1:] if path.parts[0].casefold() in _ROOTS else path.parts
    # A link to a folder has no ending, and no text.
    is_link = edit.before is None and edit.after is None and len(inside) == 1
    if not inside or not (is_link or path.name.endswith(_MODULE)):
        return ""
    name = inside[0].partition(".")[0]
    above = "/".join(path.parts[: len(path.parts) - len(inside)])
    place = f"{above}/{name}" if above else name
    known = any(file.startswith((f"{place}/", f"{place}.")) for file in base_files)
    return name if name in _TAKEN and not known else ""


def _settings(path: str, text: str | None) -> object:
    """Return what a configuration file of the project says to pytest; all else is its own."""
    if path == "pyproject.toml":
        try:
            return tomllib.loads(text or "").get("tool", {}).get("pytest")
        except (tomllib.TOMLDecodeError, AttributeError):
            return text
    if PurePosixPath(path).name == "package.json":
        return _of_package(text)
    if path == "setup.cfg":
        parser = ConfigParser(interpolation=None, strict=False)
        try:
            parser.read_string(text or "")
        except IniError:
            return text
        return dict(parser["tool:pytest"]) if "tool:pytest" in parser else None
    return None


def _of_package(text: str | None) -> object:
    """Return what a package.json says about tests: its scripts for them, and their runners."""
    try:
        said = json.loads(text or "{}")
        scripts = {n: line for n, line in said.get("scripts", {}).items() if "test" in n}
        return scripts, {name: said.get(name) for name in _SCRIPT_RUNNERS}
    except (ValueError, RecursionError, AttributeError):
        return text


def _knowing(edit: Edit) -> Iterator[str]:
    patterns = (_MACHINERY,) if is_test_file(edit.path) else (_MACHINERY, _RUNNER)
    for pattern in patterns:
        before = Counter(pattern.findall(edit.before or ""))
        for word in sorted(Counter(pattern.findall(edit.after or "")) - before):
            yield f"{edit.path} mentions {word}"
