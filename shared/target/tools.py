"""Commands for tests that a repository's tools name: tox, nox, npm, cargo, go, make.

Read without running any of it. In the sandbox there is no network, so what such a command would
download has to be there: Baton installs Python requirements only.
"""

import ast
import json
import re
import shlex
from collections.abc import Iterator
from typing import NamedTuple

from shared.target.config import read_ini, strings
from shared.target.tree import Tree

_MAKE_TEST = re.compile(r"^test\s*:(?!=)", re.MULTILINE)
_NPM_STAND_IN = "no test specified"  # what `npm init` writes
_SHELL = set("&|;<>$`(){}\n")
_NODE_TOOLS = {"pnpm-lock.yaml": "pnpm", "yarn.lock": "yarn", "bun.lock": "bun run"}


class Named(NamedTuple):
    """A shell line that runs the tests, and where it stands, for people."""

    line: str
    said: str


def of_python(tree: Tree) -> Named | None:
    """Find what tox or nox would run, to be run without them in Baton's own environment."""
    return _tox(tree) or _nox(tree)


def of_others(tree: Tree) -> Named | None:
    """Find what the tools of other languages would run, or else make."""
    if found := _npm(tree):
        return found
    if "Cargo.toml" in tree:
        return Named("cargo test --offline", "found by Cargo.toml")
    if "go.mod" in tree:
        return Named("go test ./...", "found by go.mod")
    if any(_MAKE_TEST.search(tree.read(name)) for name in ("Makefile", "GNUmakefile", "makefile")):
        return Named("make test", "a target of the Makefile")
    return None


def is_pytest(line: str) -> bool:
    """Tell whether a line is nothing but a call of pytest."""
    return not set(line) & _SHELL and _bare(line)[:1] in (["pytest"], ["py.test"])


def pytest_arguments(line: str) -> tuple[str, ...]:
    """Return what a call of pytest is given."""
    return tuple(_bare(line)[1:])


def _bare(line: str) -> list[str]:
    try:
        words = shlex.split(line)
    except ValueError:
        return []
    return words[2:] if words[:2] in (["python", "-m"], ["python3", "-m"]) else words


def _tox(tree: Tree) -> Named | None:
    written = strings(read_ini(tree, "tox.ini").get("testenv", "commands", fallback=""))
    lines = [re.sub(r"\s*\{posargs[^}]*\}", "", line) for line in written]
    # Other substitutions, and factors, mean something to tox only.
    if not lines or any(re.search(r"[{}]|^[\w,!-]+:\s|\\$", line) for line in lines):
        return None
    tests = [line for line in lines if is_pytest(line)]
    return Named(tests[0] if tests else " && ".join(lines), "as tox.ini runs it")


def _nox(tree: Tree) -> Named | None:
    try:
        module = ast.parse(tree.read("noxfile.py"))
    except (SyntaxError, ValueError, RecursionError):
        return None
    sessions = [node for node in module.body if isinstance(node, ast.FunctionDef)]
    found = [line for one in sessions if "test" in one.name for line in _session_runs(one)]
    tests = [line for line in found if is_pytest(line)]
    line = next(iter(tests or found), "")
    return Named(line, "as noxfile.py runs it") if line else None


def _session_runs(session: ast.FunctionDef) -> Iterator[str]:
    for node in ast.walk(session):
        if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)):
            continue
        words = [one.value for one in node.args if isinstance(one, ast.Constant)]
        texts = [word for word in words if isinstance(word, str)]
        if node.func.attr == "run" and texts:
            yield shlex.join(texts)


def _npm(tree: Tree) -> Named | None:
    try:
        told = json.loads(tree.read("package.json") or "{}")
    except (ValueError, RecursionError):
        return None
    scripts = told.get("scripts") if isinstance(told, dict) else None
    script = scripts.get("test") if isinstance(scripts, dict) else None
    if not isinstance(script, str) or not script.strip() or _NPM_STAND_IN in script:
        return None
    tool = next((tool for lock, tool in _NODE_TOOLS.items() if lock in tree), "npm")
    return Named(f"{tool} test", "a script of package.json")
