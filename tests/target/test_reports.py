"""What cargo, go, jest and vitest said of real runs, read test by test; and go itself, judged."""

import shutil
import subprocess
from pathlib import Path, PurePosixPath

import pytest

from shared.errors import TargetError
from shared.sandbox.values import Sandbox
from shared.target import Overrides, TestRun, judge_green, judge_red, prepare, run_tests
from shared.target.junit import Results
from shared.target.reports import FORMS, reporter_of
from shared.target.toolchains import toolchain_of
from shared.target.tree import Tree
from shared.target.values import FailureKind, Outcome, Reporter
from tests.target.kit import lay


def answers(tool: str, question: str = "--version") -> bool:
    """Tell whether a tool works: rustup's cargo is there, yet does not without its home."""
    path = shutil.which(tool)
    return path is not None and subprocess.run([path, question], check=False).returncode == 0


DATA = Path(__file__).parents[1] / "data" / "reports"
P, F, S = Outcome.PASSED, Outcome.FAILED, Outcome.SKIPPED
ASSERTION, RAISED = FailureKind.ASSERTION, FailureKind.RAISED
MISSING = FailureKind.MISSING_NAME


def read(reporter: Reporter, name: str) -> Results:
    """Read a stored output, which is the report as well."""
    told = (DATA / name).read_bytes()
    return FORMS[reporter].read(told.decode(), told, PurePosixPath("/workspace"))


def kinds(results: Results) -> dict[str, FailureKind]:
    """Return why each test failed."""
    return {test: failure.kind for test, failure in results.failures.items()}


def test_cargo() -> None:
    """Each test program's tests are told apart, and what a test prints makes no result."""
    found = read(Reporter.CARGO, "cargo.txt")
    assert found.outcomes == {
        "src/lib.rs::tests::adds": P,
        "tests/more.rs::adds": P,
        "tests/more.rs::later": S,
        "tests/more.rs::odd": P,
        "tests/more.rs::wrong": F,
        "tests/more.rs::raises": F,
        "doc-tests of sample::src/lib.rs - add (line 2)": P,
    }
    assert kinds(found) == {"tests/more.rs::wrong": ASSERTION, "tests/more.rs::raises": RAISED}
    assert found.failures["tests/more.rs::wrong"].message.startswith("assertion `left == right`")


def test_cargo_lines_that_are_missing() -> None:
    """A program that tells of fewer tests than it announced is not believed."""
    told = (DATA / "cargo.txt").read_text().replace("test odd - should panic ... ok\n", "")
    with pytest.raises(TargetError, match="announces 5 tests and tells of 4"):
        FORMS[Reporter.CARGO].read(told, b"", PurePosixPath("/workspace"))


def test_go() -> None:
    """A test with subtests is told by these; a panic is the project's own error."""
    found = read(Reporter.GO, "go.txt")
    package = "example.com/sample"
    assert found.outcomes == {
        f"{package}::TestAdd/two": P,
        f"{package}::TestAdd/wrong": F,
        f"{package}::TestLater": S,
        f"{package}::TestHalf": F,
    }
    assert kinds(found) == {f"{package}::TestAdd/wrong": ASSERTION, f"{package}::TestHalf": RAISED}
    assert found.failures[f"{package}::TestAdd/wrong"].message == "Add(1, 1) = 2, want 3"
    shown = FORMS[Reporter.GO].shown((DATA / "go.txt").read_text())
    assert "--- FAIL: TestAdd (0.00s)\n" in shown


@pytest.mark.parametrize(
    ("reporter", "folder"), [(Reporter.JEST, "tests"), (Reporter.VITEST, "vit")]
)
def test_jest_and_vitest(reporter: Reporter, folder: str) -> None:
    """Tests are named by file and titles; a function that is not there yet is a missing name."""
    found = read(reporter, f"{reporter}.json")
    ending = ".js" if reporter is Reporter.JEST else ".mjs"
    sums, none = f"{folder}/sum.test{ending}", f"{folder}/none.test{ending}"
    assert found.outcomes == {
        f"{sums}::sum > adds": P,
        f"{sums}::sum > is wrong": F,
        f"{sums}::sum > is skipped": S,
        f"{sums}::raises": F,
        f"{sums}::lacks": F,
    }
    assert kinds(found) == {
        f"{sums}::sum > is wrong": ASSERTION,
        f"{sums}::raises": RAISED,
        f"{sums}::lacks": MISSING,
        none: MISSING,
    }


@pytest.mark.parametrize(
    ("reporter", "name", "told"),
    [
        (Reporter.CARGO, "cargo_missing.txt", "cannot find function `double` in crate `sample`"),
        (Reporter.GO, "go_missing.txt", "undefined: Double"),
    ],
)
def test_a_name_that_the_compiler_misses(reporter: Reporter, name: str, told: str) -> None:
    """Tests that no compiler takes because a name is missing are red for a proper reason."""
    found = read(reporter, name)
    assert not found.outcomes
    (failure,) = found.failures.values()
    assert (failure.kind, failure.message) == (MISSING, told)
    base = TestRun(outcomes={"a": P}, exit_code=0, log="", seconds=0)
    red = TestRun(failures=found.failures, exit_code=1, log="", seconds=0)
    assert judge_red(base, red).new == tuple(found.failures)
    green = base.model_copy(update={"outcomes": {"a": P, "b": P}})
    assert judge_green(base, red, green).fixed == ("b",)
    assert not judge_green(base, red, base).ok
    assert "cannot be built" in judge_green(base, red, red).sentences[0]


def test_a_mistake_that_the_compiler_finds() -> None:
    """Tests that do not compile by a mistake of their own prove nothing."""
    told = (DATA / "go_missing.txt").read_text() + "./a_test.go:9:1: syntax error: unexpected }\n"
    found = FORMS[Reporter.GO].read(told, b"", PurePosixPath("/workspace"))
    red = TestRun(failures=found.failures, exit_code=1, log="", seconds=0)
    verdict = judge_red(TestRun(outcomes={"a": P}, exit_code=0, log="", seconds=0), red)
    assert "syntax error: unexpected }" in verdict.sentences[0]


@pytest.mark.parametrize(
    ("line", "script", "reporter"),
    [
        ("cargo test --offline", "", Reporter.CARGO),
        ("go test ./...", "", Reporter.GO),
        ("npm test", "jest --coverage", Reporter.JEST),
        ("yarn test", "vitest run", Reporter.VITEST),
        ("npx vitest", "", Reporter.VITEST),
        ("npm test", "node --test", Reporter.NONE),
        ("npm test", "tsc && jest", Reporter.NONE),
        ("go test ./... | tee log", "", Reporter.NONE),
        ("make test", "", Reporter.NONE),
    ],
)
def test_tools(line: str, script: str, reporter: Reporter) -> None:
    """A tool is recognised where the line is nothing but a call of it."""
    tree = Tree.of({"package.json": f'{{"scripts": {{"test": "{script}"}}}}'})
    assert reporter_of(line, tree) is reporter


GO = {
    "go.mod": "module example.com/sample\n\ngo 1.19\n",
    "sample.go": "package sample\n\nfunc Add(a, b int) int { return a + b }\n",
    "sample_test.go": """
        package sample

        import "testing"

        func TestAdd(t *testing.T) {
            if Add(1, 1) != 2 {
                t.Fatal("no sum")
            }
        }
    """,
}
DOUBLE = """
    package sample

    import "testing"

    func TestDouble(t *testing.T) {
        if got := Double(2); got != 4 {
            t.Fatalf("Double(2) = %d", got)
        }
    }
"""


@pytest.mark.skipif(not answers("go", "version"), reason="no go works here")
async def test_go_is_judged_test_by_test(tmp_path: Path, cache: Path, sandbox: Sandbox) -> None:
    """Go's own tests go red for a name that is missing, and green with it, in the sandbox."""
    target = await prepare(lay(tmp_path, GO), cache, sandbox, overrides=Overrides())
    base = await run_tests(target, tmp_path, sandbox)
    lay(tmp_path, {"double_test.go": DOUBLE})
    red = await run_tests(target, tmp_path, sandbox)
    double = "package sample\n\nfunc Double(a int) int { return 2 * a }\n"
    (tmp_path / "double.go").write_text(double)
    green = await run_tests(target, tmp_path, sandbox)
    assert base.passed == {"example.com/sample::TestAdd"}
    assert judge_red(base, red).ok
    assert judge_green(base, red, green).fixed == ("example.com/sample::TestDouble",)


RUST = {
    "Cargo.toml": """
        [package]
        name = "sample"
        version = "0.1.0"
        edition = "2021"
    """,
    "src/lib.rs": "pub fn add(a: i32, b: i32) -> i32 { a + b }\n",
    "tests/adding.rs": "#[test] fn adds() { assert_eq!(sample::add(1, 1), 2); }\n",
}


@pytest.mark.skipif(not answers("cargo"), reason="no cargo works here")
async def test_cargo_runs_in_the_sandbox(tmp_path: Path, cache: Path, sandbox: Sandbox) -> None:
    """A toolchain of rustup's in the home directory is seen, and nothing else of that folder."""
    target = await prepare(lay(tmp_path, RUST), cache, sandbox, overrides=Overrides())
    found = await run_tests(target, tmp_path, sandbox)
    assert found.passed == {"tests/adding.rs::adds"}, found.log
    looking = target.model_copy(update={"setup": f"test ! -e {Path.home() / '.cargo'}"})
    assert (await run_tests(looking, tmp_path, sandbox)).is_complete


def test_a_toolchain_is_no_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Only a folder that is one toolchain is shown; a home with a program in its bin is not."""
    for root, mark in ((tmp_path / "go1", "src/runtime"), (tmp_path / ".local", "src/runtime")):
        (root / mark).mkdir(parents=True)
        (root / "bin").mkdir()
        (root / "bin" / "go").write_text("#!/bin/sh\n")
        (root / "bin" / "go").chmod(0o755)
        monkeypatch.setenv("PATH", str(root / "bin"))
        assert toolchain_of("go test ./...") == (None if root.name == ".local" else root)
    shutil.rmtree(tmp_path / "go1" / "src")
    monkeypatch.setenv("PATH", str(tmp_path / "go1" / "bin"))
    assert toolchain_of("go test ./...") is None
    assert toolchain_of("make test") is None
