"""Tell from a repository's files how its tests are run."""

import re
import shlex
from collections.abc import Iterator

from shared.errors import TargetError
from shared.target import tools
from shared.target.config import Pyproject, read_ini, read_pyproject, strings
from shared.target.layout import packages, source_roots
from shared.target.options import kept_options
from shared.target.reports import reporter_of
from shared.target.tree import Tree
from shared.target.values import Detection, Overrides, Reporter, Runner

_TEST_FILE = re.compile(r"(?:^|/)(?:test[^/]*|[^/]*_test|tests)\.py$")
_PYTEST_STYLE = re.compile(r"^(?:async )?def test|^\s*(?:import|from) pytest\b", re.MULTILINE)
_UNITTEST_STYLE = re.compile(r"\bunittest\b|TestCase\)")
_PYTHON_MARKS = ("pyproject.toml", "setup.py", "setup.cfg")
_FOLDERS = ("tests", "test")
_MOST_READ = 60
_NEAR = {"package.json": "npm test", "CMakeLists.txt": "ctest --test-dir build"}


def detect(tree: Tree, overrides: Overrides | None = None) -> Detection:
    """Name the test runner of a repository, and what it needs to be told.

    Raises TargetError, with the line to add to ``.github/baton.yml``, when it cannot be told.
    """
    pyproject = read_pyproject(tree)
    wanted = overrides.test if overrides else ""
    if wanted:
        return _from_line(tree, pyproject, wanted, "named in .github/baton.yml")
    tests = tuple(file for file in tree.files if _TEST_FILE.search(file))
    where = _pytest_configuration(tree, pyproject)
    if where:
        return _pytest(tree, pyproject, f"pytest, configured in {where}")
    python_tool = tools.of_python(tree)
    if python_tool and tools.is_pytest(python_tool.line):
        return _from_line(tree, pyproject, python_tool.line, python_tool.said)
    if tests:
        return _from_tests(tree, pyproject, tests)
    if other := python_tool or tools.of_others(tree):
        return _from_line(tree, pyproject, other.line, other.said)
    if any(mark in tree for mark in _PYTHON_MARKS):
        return _pytest(tree, pyproject, "a Python project without tests; new ones run with pytest")
    raise TargetError(_unknown(tree))


def _from_line(tree: Tree, pyproject: Pyproject, line: str, source: str) -> Detection:
    """Take a shell line: some tools give results test by test, of others the exit code counts."""
    if tools.is_pytest(line):
        found = _pytest(tree, pyproject, f"`{line}`, {source}")
        options, paths = kept_options(tools.pytest_arguments(line))
        return found.model_copy(update={"options": (*found.options, *options), "paths": paths})
    is_python = any(mark in tree for mark in _PYTHON_MARKS)
    roots = source_roots(tree, pyproject) if is_python else ()
    reporter = reporter_of(line, tree)
    judged = "its exit code" if reporter is Reporter.NONE else f"what {reporter} says of each test"
    return Detection(
        runner=Runner.COMMAND,
        said=f"`{line}`, {source} and judged by {judged}",
        command=("sh", "-c", line),
        reporter=reporter,
        is_python=is_python,
        source_roots=roots,
        packages=packages(tree, roots),
    )


def _from_tests(tree: Tree, pyproject: Pyproject, tests: tuple[str, ...]) -> Detection:
    texts = {file: tree.read(file) for file in tests[:_MOST_READ]}
    pytest_style = [file for file, text in texts.items() if _PYTEST_STYLE.search(text)]
    unittest_style = [file for file, text in texts.items() if _UNITTEST_STYLE.search(text)]
    if unittest_style and not pytest_style:
        said = f"unittest test cases such as {unittest_style[0]}, run by pytest for exact results"
        # unittest discovers by this pattern, pytest by a narrower one.
        pattern = ("-o", "python_files=test*.py *_test.py tests.py")
        found = _pytest(tree, pyproject, said)
        return found.model_copy(update={"runner": Runner.UNITTEST, "options": pattern})
    example = (pytest_style or list(tests))[0]
    return _pytest(tree, pyproject, f"pytest, by tests such as {example}")


def _pytest(tree: Tree, pyproject: Pyproject, said: str) -> Detection:
    roots = source_roots(tree, pyproject)
    options, paths = kept_options(_addopts(tree, pyproject))
    return Detection(
        runner=Runner.PYTEST,
        said=said,
        options=options,
        paths=paths or _test_folders(tree, pyproject),
        is_python=True,
        source_roots=roots,
        packages=packages(tree, roots),
    )


def _test_folders(tree: Tree, pyproject: Pyproject) -> tuple[str, ...]:
    if any("testpaths" in section for section in _sections(tree, pyproject).values()):
        return ()
    held = {file.partition("/")[0] for file in tree.files if _TEST_FILE.search(file)}
    return tuple(folder for folder in _FOLDERS if folder in held)


def _pytest_configuration(tree: Tree, pyproject: Pyproject) -> str:
    return next(iter(_sections(tree, pyproject)), "")


def _addopts(tree: Tree, pyproject: Pyproject) -> tuple[str, ...]:
    # pytest reads the first of these files only.
    section = next(iter(_sections(tree, pyproject).values()), {})
    value = section.get("addopts", "")
    return tuple(shlex.split(value)) if isinstance(value, str) else strings(value)


def _sections(tree: Tree, pyproject: Pyproject) -> dict[str, dict[str, object]]:
    """Return pytest's settings by file, in pytest's own order of precedence."""
    return dict(_found_sections(tree, pyproject))


def _found_sections(tree: Tree, pyproject: Pyproject) -> Iterator[tuple[str, dict[str, object]]]:
    for path in ("pytest.ini", ".pytest.ini"):
        if path in tree:
            yield path, _ini_section(tree, path, "pytest")
    table = pyproject.table("pytest")
    if table is not None:
        yield "pyproject.toml", dict(pyproject.table("pytest", "ini_options") or table)
    for path, name in (("tox.ini", "pytest"), ("setup.cfg", "tool:pytest")):
        if read_ini(tree, path).has_section(name):
            yield path, _ini_section(tree, path, name)


def _ini_section(tree: Tree, path: str, name: str) -> dict[str, object]:
    parser = read_ini(tree, path)
    return dict(parser.items(name)) if parser.has_section(name) else {}


def _unknown(tree: Tree) -> str:
    seen = next((mark for mark in _NEAR if mark in tree), None)
    start = f"{seen} names no tests" if seen else "No tests were found that Baton can run"
    example = _NEAR[seen] if seen else "make check"
    return (
        f"{start}. Name the command in .github/baton.yml on the default branch, "
        f"for example `test: {example}`."
    )
