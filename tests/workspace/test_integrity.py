"""What a change does to its own proof, file by file."""

import pytest

from shared.workspace import coder_writes, policy, violations
from shared.workspace.integrity import Edit, doubtful, tampered, tampered_by_tester

OLD = '''
"""Tests of the shop."""

import pytest
from sample import f

LIMIT = 5
CASES = [(1, 2), (3, 4)]


class TestF:
    wanted = 2

    def test_f(self):
        assert f(1) == self.wanted


@pytest.mark.parametrize("case", CASES)
def test_case(case):
    assert f(case[0]) == case[1]


if LIMIT > 3:
    print("large")
'''
ALTERED = {
    "a constant": ("LIMIT = 5", "LIMIT = 500", "LIMIT was there before"),
    "the cases of a parametrised test": ("(3, 4)]", "]", "CASES was there before"),
    "an attribute of a class": ("wanted = 2", "wanted = 3", "TestF::wanted"),
    "a base class": ("class TestF:", "class TestF(object):", "TestF was there before"),
    "the source of a name": ("from sample import f", "from fakes import f", "import of f was"),
    "code that runs on import": ('print("large")', "pass", "if LIMIT > 3:"),
    "a mark": (
        "@pytest.mark.parametrize",
        "@pytest.mark.skip\n@pytest.mark.parametrize",
        "test_case",
    ),
    "a second definition": ("LIMIT = 5", "LIMIT = 5\nLIMIT = 6", "LIMIT is defined again"),
    "a method less": ("    def test_f(self):\n        assert f(1) == self.wanted\n", "", "test_f"),
    "what a name is bound to later": (
        *("LIMIT = 5", "LIMIT = 5\nfrom fakes import f"),
        "import of f is defined again",
    ),
}
HONEST = {
    "comments and layout": OLD.replace("LIMIT = 5", "LIMIT = (\n    5  # enough\n)"),
    "another docstring": OLD.replace("of the shop", "of everything"),
    "one more test": OLD + "\n\ndef test_more():\n    assert f(7) == 8\n",
    "one more import": OLD.replace("import pytest", "import pytest\nimport os.path\nimport os"),
}
NEW_TESTS = """
from sample import price

def test_new():
    assert price('gold', 250) == 225

if __name__ == '__main__':
    test_new()
"""
SPECIAL = {
    "a comparison": "def price(kind, n):\n    if n == 250:\n        return 225\n    return n\n",
    "a list": "def price(kind, n):\n    return 225 if kind in ('gold', 'x') else n\n",
    "a match": "def price(kind, n):\n    match n:\n        case 250:\n            return 225\n",
    "a table": "def price(kind, n):\n    return {250: 225}.get(n, n)\n",
    "a table by index": "def price(kind, n):\n    return {'gold': 225}[kind]\n",
}


def judged(before: str | None, after: str | None, path: str = "tests/test_old.py") -> str:
    """Return what is doubted about one changed file."""
    return "; ".join(doubtful([Edit(path=path, before=before, after=after)], ["tests/test_old.py"]))


@pytest.mark.parametrize("case", ALTERED)
def test_every_piece_of_an_existing_test_is_compared(case: str) -> None:
    """Constants, imports, marks and code outside of tests weigh as much as the tests."""
    old, new, said = ALTERED[case]
    assert old in OLD
    assert said in judged(OLD, OLD.replace(old, new))


@pytest.mark.parametrize("case", HONEST)
def test_what_changes_no_test_is_not_doubted(case: str) -> None:
    """Layout, docstrings, further tests and imports are nobody's trick."""
    assert judged(OLD, HONEST[case]) == ""


def test_a_deleted_file_of_tests_is_named() -> None:
    """Tests that are gone are told one by one, also those that failed before."""
    assert "test_case was there before" in judged(OLD, None)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("import sample\nsample.f = lambda: 1\n", "replaces sample.f for all tests"),
        ("import sample\nif True:\n    setattr(sample, 'f', 1)\n", "replaces sample for all"),
        ("import pytest\n@pytest.fixture(autouse=True)\ndef x(): ...\n", "the fixture x"),
    ],
)
def test_what_acts_on_all_tests_is_named(text: str, said: str) -> None:
    """A new file of tests that patches the project on import, or around each test, is told."""
    assert said in judged(None, text, "tests/test_new.py")
    assert judged(text, text, "tests/test_new.py") == ""


def test_patches_within_one_test_are_its_own() -> None:
    """What one test replaces for itself is no doubt."""
    text = "def test_x(monkeypatch):\n    import sample\n    sample.f.x = 1\n"
    assert judged(None, text, "tests/test_new.py") == ""


@pytest.mark.parametrize("case", SPECIAL)
def test_code_that_knows_the_answers_is_named(case: str) -> None:
    """New code that asks for the very values of the new tests is told to a person."""
    edits = [
        Edit(
            path="src/sample.py", before="def price(kind, n):\n    return n\n", after=SPECIAL[case]
        ),
        Edit(path="tests/test_new.py", before=None, after=NEW_TESTS),
    ]
    assert "a value of the new tests" in "; ".join(doubtful(edits, []))


@pytest.mark.parametrize(
    "after",
    [
        "def price(kind, n):\n    return n * 0.9 if n > 250 else n\n",
        "def price(kind, n):\n    return n if n == 0 or kind == 'x' else n\n",
        "if __name__ == '__main__':\n    print(250)\n",
        "RATE = {'gold': 0.9}\ndef price(kind, n):\n    return n * RATE[kind]\n",
    ],
)
def test_rules_are_not_special_cases(after: str) -> None:
    """Limits, small numbers and tables of rules are how honest code looks."""
    edits = [
        Edit(path="src/sample.py", before="", after=after),
        Edit(path="tests/test_new.py", before=None, after=NEW_TESTS),
    ]
    assert doubtful(edits, []) == ()


def test_values_that_the_code_had_before_are_its_own() -> None:
    """A constant that stood in the file already tells nothing about the tests."""
    before = "GOLD = 'gold'\n"
    edits = [
        Edit(
            path="src/sample.py",
            before=before,
            after=before + "def f(k):\n    return k == 'gold'\n",
        ),
        Edit(path="tests/test_new.py", before=None, after=NEW_TESTS),
    ]
    assert doubtful(edits, []) == ()


@pytest.mark.parametrize(
    "path",
    ["jest.config.ts", "vitest.config.mjs", ".mocharc.json", "app/karma.conf.js", "nextest.toml"],
)
def test_settings_of_other_runners_are_not_written(path: str) -> None:
    """Files that tell runners of JavaScript and Rust how to test stay as they are."""
    assert violations([path], coder_writes(()))


@pytest.mark.parametrize(
    ("after", "refused"),
    [
        ('{"scripts": {"test": "true", "build": "x"}}', True),
        ('{"scripts": {"build": "x"}}', True),
        ('{"scripts": {"test": "jest", "build": "x"}, "jest": {"testMatch": []}}', True),
        ("{", True),
        ("[]", True),
        ('{"scripts": {"test": "jest", "build": "y"}, "dependencies": {"a": "1"}}', False),
    ],
)
def test_the_test_script_of_a_package_stays(after: str, refused: bool) -> None:  # noqa: FBT001 - a column of the table
    """What npm runs as tests may not change with the code; all else in package.json may."""
    before = '{"scripts": {"test": "jest", "build": "x"}}'
    edit = Edit(path="web/package.json", before=before, after=after)
    assert bool(tampered([edit], ["web/package.json"])) is refused


_PROJECT = """[project]
name = "x"
dependencies = ["a>=1"]

[dependency-groups]
test = ["b"]
"""
ASKING = {
    "a package": ("pyproject.toml", _PROJECT, _PROJECT.replace('"a>=1"', '"a>=1", "c"')),
    "a package for the tests": ("pyproject.toml", _PROJECT, _PROJECT.replace('"b"', '"b", "c"')),
    "a new group": ("pyproject.toml", _PROJECT, _PROJECT + 'other = ["c"]\n'),
    "a new extra": (
        *("pyproject.toml", _PROJECT),
        _PROJECT + '[project.optional-dependencies]\ntest = ["c"]\n',
    ),
    "another line": ("requirements-dev.txt", "a\nb\n", "a\nc>=1\nb\n"),
    "a list of the tests' own": ("tests/requirements.txt", None, "c\n"),
}
BEYOND = {
    "another version": ("pyproject.toml", _PROJECT, _PROJECT.replace("a>=1", "a>=2")),
    "a package less": ("pyproject.toml", _PROJECT, _PROJECT.replace('"b"', "")),
    "another name": ("pyproject.toml", _PROJECT, _PROJECT.replace('"x"', '"y"')),
    "settings of a tool": ("pyproject.toml", _PROJECT, _PROJECT + "[tool.ruff]\nline-length = 9\n"),
    "a broken manifest": ("pyproject.toml", _PROJECT, _PROJECT + "["),
    "a list that is none": ("pyproject.toml", _PROJECT, _PROJECT.replace('["b"]', "3")),
    "a new manifest": ("pyproject.toml", None, _PROJECT),
    "a manifest less": ("requirements.txt", "a\n", None),
    "another line's version": ("requirements.txt", "a\nb\n", "a==1\nb\n"),
    "another index": ("requirements.txt", "a\n", "--index-url https://evil.example\na\n"),
}


@pytest.mark.parametrize("change", ASKING.values(), ids=ASKING)
def test_the_tester_may_ask_for_packages(change: tuple[str, str | None, str | None]) -> None:
    """What a new test has to import can be stated where the project states it."""
    path, before, after = change
    assert violations([path], policy.tester_writes) == ()
    assert tampered_by_tester([Edit(path=path, before=before, after=after)], []) == ()


@pytest.mark.parametrize("change", BEYOND.values(), ids=BEYOND)
def test_the_tester_changes_nothing_else_in_a_manifest(
    change: tuple[str, str | None, str | None],
) -> None:
    """A manifest that says anything else anew, or anything less, is refused."""
    path, before, after = change
    told = tampered_by_tester([Edit(path=path, before=before, after=after)], [])
    assert (
        told[-1] == f"{path} may only be asked for further packages: leave all else in it as it is."
    )


def test_what_the_tester_asks_for_may_be_changed_after_it() -> None:
    """Its tests are fixed for the Coder, the manifest that it has added to is not."""
    assert policy.fixed_files(["tests/test_a.py", "pyproject.toml"]) == ("tests/test_a.py",)
