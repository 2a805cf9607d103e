import sys
from pathlib import Path

import pytest

from shared.errors import TargetError
from shared.sandbox import Sandbox
from shared.target import FailureKind, Outcome, Overrides, prepare, run_lint, run_tests
from shared.target.values import TestRun

from .kit import SAMPLE, lay, listing

KINDS = """
    import unittest
    import pytest
    import sample

    @pytest.fixture
    def broken():
        raise AssertionError("no fixture")

    @pytest.fixture
    def left():
        yield
        raise AssertionError("not cleaned up")

    class TestNested:
        class TestDeeper:
            @pytest.mark.parametrize("value", [1, "a/b::c", "d[e]"])
            def test_values(self, value):
                assert sample.double(value) == value + value

    class OldStyle(unittest.TestCase):
        def test_subtests(self):
            for number in range(3):
                with self.subTest(number=number):
                    self.assertEqual(number, 1)

    def test_assertion(): assert sample.double(2) == 5
    def test_not_raised():
        with pytest.raises(ValueError): sample.double(1)
    def test_raised(): sample.first([])
    def test_attribute(): sample.triple(1)
    def test_import():
        from sample import triple
    def test_keyword(): sample.double(1, times=3)
    def test_other_import():
        import a_package_that_nobody_has
    def test_own_mistake(): {}["key"]
    def test_own_name(): assert undefined_name
    def test_fixture(broken): pass
    def test_teardown(left): pass
    def test_both(left): assert False
    @pytest.mark.skip
    def test_skipped(): pass
    @pytest.mark.xfail
    def test_expected(): assert False
    @pytest.mark.xfail(strict=True)
    def test_unexpected(): pass
    def test_twice(): assert True
"""


async def run(root: Path, cache: Path, sandbox: Sandbox, **more: object) -> TestRun:
    """Set a repository up and run its tests."""
    target = await prepare(root, cache, sandbox)
    return await run_tests(target, root, sandbox, **more)  # type: ignore[arg-type]  # options are handed on as they are


async def test_every_kind(tmp_path: Path, cache: Path, sandbox: Sandbox) -> None:
    """Each way to fail is told from the others, with ids that pytest takes back."""
    broken = {"tests/test_syntax.py": "def test(:", "tests/test_gone.py": "import no_such_thing"}
    files = {"sample.py": SAMPLE, "tests/test_kinds.py": KINDS, **broken}
    found = await run(lay(tmp_path, files), cache, sandbox)
    start = "tests/test_kinds.py::"
    kinds = {
        test.removeprefix(start): failure.kind.value for test, failure in found.failures.items()
    }
    assert kinds == {
        "OldStyle::test_subtests": "assertion",
        "test_assertion": "assertion",
        "test_not_raised": "assertion",
        "test_raised": "raised",
        "test_attribute": "missing_name",
        "test_import": "missing_name",
        "test_keyword": "missing_name",
        "test_other_import": "error",
        "test_own_mistake": "error",
        "test_own_name": "error",
        "test_fixture": "setup",
        "test_teardown": "setup",
        "test_both": "setup",
        "test_unexpected": "error",
        "tests/test_syntax.py": "collection",
        "tests/test_gone.py": "collection",
    }
    nested = f"{start}TestNested::TestDeeper::test_values"
    values = {f"{nested}[1]", f"{nested}[a/b::c]", f"{nested}[d[e]]"}
    assert found.passed == values | {f"{start}test_twice"}
    assert found.ids(Outcome.SKIPPED) == {f"{start}test_skipped"}
    assert found.ids(Outcome.XFAILED) == {f"{start}test_expected"}
    assert found.is_complete
    assert not found.collected_cleanly
    assert "SyntaxError" in found.failures["tests/test_syntax.py"].message
    again = await run(tmp_path, cache, sandbox, only=sorted(values))
    assert again.passed == values
    assert again.collected_cleanly


LAYOUTS = {
    "src": {"src/sample/__init__.py": SAMPLE},
    "flat": {"sample/__init__.py": SAMPLE},
    "module": {"sample.py": SAMPLE},
}


@pytest.mark.parametrize("layout", LAYOUTS)
async def test_layouts(layout: str, tmp_path: Path, cache: Path, sandbox: Sandbox) -> None:
    """Projects import from src, from a flat package and from a single module."""
    test = "import sample\ndef test(): assert sample.double(1) == 2"
    lay(tmp_path, {**LAYOUTS[layout], "tests/test_sample.py": test})
    found = await run(tmp_path, cache, sandbox)
    assert found.passed == {"tests/test_sample.py::test"}
    assert found.collected_cleanly


async def test_unittest(tmp_path: Path, cache: Path, sandbox: Sandbox) -> None:
    """A unittest project is recognised, and its file names need not be pytest's."""
    test = """
        from unittest import IsolatedAsyncioTestCase, TestCase
        import sample
        class Numbers(TestCase):
            def test_double(self): self.assertEqual(sample.double(1), 2)
        class Later(IsolatedAsyncioTestCase):
            async def test_first(self): self.assertEqual(sample.first("ab"), "b")
    """
    lay(tmp_path, {"sample.py": SAMPLE, "tests/testsample.py": test})
    target = await prepare(tmp_path, cache, sandbox)
    found = await run_tests(target, tmp_path, sandbox)
    assert "unittest" in target.detected.lower()
    assert found.outcomes == {
        "tests/testsample.py::Numbers::test_double": Outcome.PASSED,
        "tests/testsample.py::Later::test_first": Outcome.FAILED,
    }


async def test_hanging_test_is_named(tmp_path: Path, cache: Path, sandbox: Sandbox) -> None:
    """A run that does not end says which test was running, and keeps what is known."""
    test = """
        def test_before(): pass
        def test_hang():
            while True: pass
        def test_after(): pass
    """
    root = lay(tmp_path, {"sample.py": SAMPLE, "tests/test_hang.py": test})
    found = await run(root, cache, sandbox, seconds=5)
    assert found.timed_out
    assert found.ids(Outcome.TIMED_OUT) == {"tests/test_hang.py::test_hang"}
    assert found.passed == {"tests/test_hang.py::test_before"}
    failure = found.failures["tests/test_hang.py::test_hang"]
    assert failure.kind is FailureKind.TIMEOUT
    assert not found.is_complete


async def test_own_options_are_kept_and_reports_dropped(
    tmp_path: Path, cache: Path, sandbox: Sandbox
) -> None:
    """What a project's options mean is kept; coverage, early stops and parallel runs are not."""
    files = {
        "sample.py": '''
            def double(number):
                """Double a number.

                >>> double(2)
                5
                """
                return number + number
        ''',
        "pytest.ini": """
            [pytest]
            addopts = --doctest-modules -x --cov=sample --cov-fail-under 90 -n auto --maxfail=1
        """,
        "test_a.py": "def test_a(): assert False\ndef test_b(): assert True",
    }
    found = await run(lay(tmp_path, files), cache, sandbox)
    assert found.outcomes == {
        "sample.py::sample.double": Outcome.FAILED,
        "test_a.py::test_a": Outcome.FAILED,
        "test_a.py::test_b": Outcome.PASSED,
    }


XML = '<testsuite><testcase file="tests/test_a.py" classname="tests.test_a" name="{}"/></testsuite>'
FIND = "import os, sys; path = next(w for w in sys.argv if 'junitxml' in w).split('=')[1]"
FORGERIES = {
    "early exit": f"""
        {FIND}
        def test_lie():
            open(path, "w").write({XML.format("test_lie")!r})
            os._exit(0)
    """,
    "at exit": f"""
        {FIND}
        import atexit
        atexit.register(lambda: open(path, "w").write({XML.format("test_lie")!r}))
        def test_lie(): assert False
    """,
    "a link": f"""
        {FIND}
        import atexit
        atexit.register(lambda: (os.unlink(path), os.symlink("/etc/passwd", path)))
        def test_lie(): assert True
    """,
    "entities": f"""
        {FIND}
        import atexit
        atexit.register(lambda: open(path, "w").write('<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>'))
        def test_lie(): assert True
    """,
    "nothing": f"""
        {FIND}
        import atexit
        atexit.register(lambda: os.unlink(path))
        def test_lie(): assert True
    """,
}


@pytest.mark.parametrize("how", FORGERIES)
async def test_forged_reports(how: str, tmp_path: Path, cache: Path, sandbox: Sandbox) -> None:
    """A report that disagrees with exit code or closing line is not believed."""
    lay(tmp_path, {"sample.py": SAMPLE, "tests/test_a.py": FORGERIES[how]})
    found = await run(tmp_path, cache, sandbox)
    assert found.doubts
    assert not found.is_complete


async def test_forged_exit_code(tmp_path: Path, cache: Path, sandbox: Sandbox) -> None:
    """Changing report and exit code alike is noticed by pytest's closing line."""
    lie = XML.format("test_lie")
    conftest = f"""
        import atexit
        {FIND}
        def pytest_sessionfinish(session):
            session.exitstatus = 0
            atexit.register(lambda: open(path, "w").write({lie!r}))
    """
    files = {"conftest.py": conftest, "tests/test_a.py": "def test_lie(): assert False"}
    found = await run(lay(tmp_path, files), cache, sandbox)
    assert found.exit_code == 0
    assert "closing line" in found.doubts[0]


async def test_command(tmp_path: Path, cache: Path, sandbox: Sandbox) -> None:
    """A Makefile's tests are judged by their exit code, and a project may name its command."""
    lay(tmp_path, {"Makefile": "test:\n\ttest -f done\n"})
    (tmp_path / "Makefile").write_text("test:\n\ttest -f done\n")
    missing = await run(tmp_path, cache, sandbox)
    (tmp_path / "done").touch()
    there = await run(tmp_path, cache, sandbox)
    assert [missing.exit_code, there.exit_code] == [2, 0]
    assert there.passed == {"make test"}
    assert not there.per_test
    target = await prepare(
        tmp_path, cache, sandbox, overrides=Overrides(test="test -d . && exit 3")
    )
    assert (await run_tests(target, tmp_path, sandbox)).exit_code == 3


async def test_setup_and_lint(tmp_path: Path, cache: Path, sandbox: Sandbox) -> None:
    """The repository's setup comes before its tests and is told when it fails; so is its linter."""
    lay(tmp_path, {"Makefile": "test:"})
    lines = Overrides(test="test -f made", setup="touch made", lint="echo too long; exit 1")
    target = await prepare(tmp_path, cache, sandbox, overrides=lines)
    assert (await run_tests(target, tmp_path, sandbox)).exit_code == 0
    assert await run_lint(target, tmp_path, sandbox) == "too long"
    broken = target.model_copy(update={"setup": "echo no network; exit 4", "lint": "true"})
    assert await run_lint(broken, tmp_path, sandbox) == ""
    with pytest.raises(TargetError, match=r"exit code 4.*no network"):
        await run_tests(broken, tmp_path, sandbox)


async def test_environment_inside(tmp_path: Path, cache: Path, sandbox: Sandbox) -> None:
    """Tests see a fixed hash seed, time zone and locale, and write no caches into the checkout."""
    test = """
        import locale, os, site, sys, time
        def test_variables():
            assert os.environ["PYTHONHASHSEED"] == "0"
            assert time.tzname[0] == "UTC"
            assert "UTF-8" in locale.getlocale()[1]
            assert not site.ENABLE_USER_SITE
    """
    lay(tmp_path, {"sample.py": SAMPLE, "tests/test_environment.py": test})
    before = listing(tmp_path)
    found = await run(tmp_path, cache, sandbox)
    assert found.collected_cleanly
    assert len(found.passed) == 1
    assert listing(tmp_path) == before
    if sys.platform == "linux":
        assert str(tmp_path) not in found.log


async def test_ids_are_not_options(tmp_path: Path, cache: Path, sandbox: Sandbox) -> None:
    """An id that pytest would read as an option is refused."""
    lay(tmp_path, {"tests/test_a.py": "def test(): pass"})
    with pytest.raises(TargetError, match="not the id of a test"):
        await run(tmp_path, cache, sandbox, only=["--help"])


async def test_long_logs_are_cut(tmp_path: Path, cache: Path, sandbox: Sandbox) -> None:
    """The log keeps its beginning and its end, and says how much is left out."""
    test = "def test():\n    print('x' * 99999)\n    assert False"
    found = await run(lay(tmp_path, {"tests/test_a.py": test}), cache, sandbox)
    assert "left out" in found.log
    assert "1 failed" in found.log
    assert len(found.log) < 25_000
