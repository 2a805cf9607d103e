import shlex

import pytest

from shared.errors import TargetError
from shared.target.detect import detect
from shared.target.options import kept_options
from shared.target.tree import Tree
from shared.target.values import Overrides, Runner

PYTEST_TEST = "def test_one():\n    assert True\n"
UNITTEST_TEST = "from unittest import TestCase\nclass A(TestCase):\n    def test_a(self): pass\n"
PROJECT = '[project]\nname = "sample"\n'


@pytest.mark.parametrize(
    ("files", "runner", "words"),
    [
        ({"pytest.ini": "", "a.py": ""}, Runner.PYTEST, "configured in pytest.ini"),
        ({"pyproject.toml": "[tool.pytest.ini_options]\n"}, Runner.PYTEST, "in pyproject.toml"),
        ({"pyproject.toml": '[tool.pytest]\naddopts=["-x"]'}, Runner.PYTEST, "in pyproject.toml"),
        ({"setup.cfg": "[tool:pytest]\n"}, Runner.PYTEST, "configured in setup.cfg"),
        ({"tox.ini": "[pytest]\n"}, Runner.PYTEST, "configured in tox.ini"),
        ({"tests/test_a.py": PYTEST_TEST}, Runner.PYTEST, "such as tests/test_a.py"),
        ({"tests/test_a.py": UNITTEST_TEST}, Runner.UNITTEST, "such as tests/test_a.py"),
        ({"t/test_a.py": UNITTEST_TEST, "t/test_b.py": PYTEST_TEST}, Runner.PYTEST, "t/test_b.py"),
        ({"pyproject.toml": PROJECT, "a.py": ""}, Runner.PYTEST, "without tests"),
        ({"Makefile": "all:\n\ntest: all\n\ttrue\n"}, Runner.COMMAND, "Makefile"),
        ({"package.json": '{"scripts": {"test": "node --test"}}'}, Runner.COMMAND, "`npm test`"),
        (
            {"package.json": '{"scripts": {"test": "jest"}}', "yarn.lock": "", "Makefile": "test:"},
            Runner.COMMAND,
            "`yarn test`, a script of package.json",
        ),
        ({"Cargo.toml": ""}, Runner.COMMAND, "`cargo test --offline`"),
        ({"go.mod": ""}, Runner.COMMAND, "`go test ./...`, found by go.mod"),
        (
            {"tox.ini": "[testenv]\ncommands =\n    lint\n    pytest -q {posargs:tests}\n"},
            Runner.PYTEST,
            "`pytest -q`, as tox.ini runs it",
        ),
        (
            {"tox.ini": "[testenv]\ncommands = python run.py\n    ./more\n", "setup.py": ""},
            Runner.COMMAND,
            "`python run.py && ./more`",
        ),
        (
            {"noxfile.py": "def tests(session):\n    session.run('pytest', *session.posargs)"},
            Runner.PYTEST,
            "as noxfile.py runs it",
        ),
    ],
)
def test_runners(files: dict[str, str], runner: Runner, words: str) -> None:
    """Each way to configure tests is recognised, and said in a sentence."""
    found = detect(Tree.of(files))
    assert found.runner is runner
    assert words in found.said


@pytest.mark.parametrize(
    ("files", "words"),
    [
        ({"package.json": "{}"}, "`test: npm test`"),
        ({"package.json": "[1"}, "`test: npm test`"),
        (
            {"package.json": '{"scripts": {"test": "echo no test specified && exit 1"}}'},
            "`test: npm test`",
        ),
        ({"noxfile.py": "def tests(:"}, "`test: make check`"),
        ({"tox.ini": "[testenv]\ncommands = {envpython} x"}, "`test: make check`"),
        ({"README.md": "", "Makefile": "build:\n\ttrue\n"}, "`test: make check`"),
    ],
)
def test_unknown_says_what_to_add(files: dict[str, str], words: str) -> None:
    """A repository that is not understood gets the line to add to its configuration."""
    with pytest.raises(TargetError, match=words) as caught:
        detect(Tree.of(files))
    assert ".github/baton.yml" in str(caught.value)


def test_configuration_that_cannot_be_read() -> None:
    """Broken or misshapen TOML is told with its place."""
    with pytest.raises(TargetError, match="not valid TOML"):
        detect(Tree.of({"pyproject.toml": "[project"}))
    with pytest.raises(TargetError, match=r"project\.name"):
        detect(Tree.of({"pyproject.toml": "[project]\nname = 3"}))


@pytest.mark.parametrize(
    ("files", "roots", "packages"),
    [
        ({"src/a/__init__.py": "", "tests/test_a.py": ""}, ("src",), {"a"}),
        ({"a/__init__.py": "", "b.py": "", "setup.py": "", "docs/conf.py": ""}, (".",), {"a", "b"}),
        (
            {"pyproject.toml": '[tool.setuptools]\npackage-dir = {"" = "lib"}', "lib/a/b.py": ""},
            ("lib",),
            {"a"},
        ),
        ({"setup.cfg": "[options]\npackage_dir =\n    = lib\n", "lib/a/b.py": ""}, ("lib",), {"a"}),
        (
            {
                "pyproject.toml": '[tool.hatch.build.targets.wheel]\npackages = ["python/a"]',
                "python/a/b.py": "",
            },
            ("python",),
            {"a"},
        ),
        (
            {"pyproject.toml": '[tool.setuptools]\npackage-dir = {"" = "../up"}', "a.py": ""},
            (".",),
            {"a"},
        ),
    ],
)
def test_layouts(files: dict[str, str], roots: tuple[str, ...], packages: set[str]) -> None:
    """The folders to import from are found, and never lie outside of the repository."""
    found = detect(Tree.of(files), Overrides(test="pytest"))
    assert found.source_roots == roots
    assert found.packages == packages


def test_test_folder_is_named_unless_configured() -> None:
    """Without testpaths the folder of tests is given to pytest, so that examples stay out."""
    files = {"tests/test_a.py": PYTEST_TEST, "examples/test_b.py": PYTEST_TEST}
    assert detect(Tree.of(files)).paths == ("tests",)
    assert detect(Tree.of({**files, "pytest.ini": "[pytest]\ntestpaths = a b"})).paths == ()


def test_command_of_the_project() -> None:
    """A named pytest command keeps results per test; any other is judged by its exit code."""
    tree = Tree.of({"tests/test_a.py": PYTEST_TEST})
    named = detect(tree, Overrides(test="python -m pytest -m fast unit --cov=a"))
    assert (named.runner, named.paths) == (Runner.PYTEST, ("unit",))
    assert named.options == ("-m", "fast")
    other = detect(tree, Overrides(test="pytest unit && ./check"))
    assert other.command == ("sh", "-c", "pytest unit && ./check")


@pytest.mark.parametrize(
    ("words", "options"),
    [
        ("-ra -q --strict-markers", "--strict-markers"),
        ("--cov src --cov-report term-missing:skip-covered -m 'not slow'", "-m 'not slow'"),
        ("--cov --doctest-modules", "--doctest-modules"),
        ("-n auto --dist=loadfile -p no:warnings", "-p no:warnings"),
        ("-rfE -vv -n4 -x --maxfail=2 --import-mode=importlib", "--import-mode=importlib"),
        ("-W error -o xfail_strict=true", "-W error -o xfail_strict=true"),
    ],
)
def test_options(words: str, options: str) -> None:
    """What decides the meaning of tests is kept; reporting and partial runs are dropped."""
    kept, paths = kept_options(shlex.split(words))
    assert kept == tuple(shlex.split(options))
    assert paths == ()
