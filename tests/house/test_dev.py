import os
import re
import shutil
from pathlib import Path

import pytest

from tests.house.commands import ended
from tests.house.project import ROOT, texts

DEV = str(ROOT / "dev")
COMMANDS = (
    "demo",
    "baton",
    "test",
    "check",
    "coverage",
    "fmt",
    "bench",
    "browser",
    "clean",
    "help",
)
_SAID = re.compile(r"^  (\w+) ", re.MULTILINE)
_TYPED = re.compile(r"(?<![\w/.])\./dev (\w+)")


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """Copy the script and a benchmark into a folder whose path has spaces."""
    folder = tmp_path / "a folder with spaces"
    (folder / "benchmarks" / "of_things").mkdir(parents=True)
    (folder / "benchmarks" / "of_things" / "__main__.py").touch()
    (folder / "benchmarks" / "_table.py").touch()
    (folder / "benchmarks" / "speed.py").touch()
    shutil.copy2(DEV, folder / "dev")
    return folder


def test_help_names_every_command(tmp_path: Path) -> None:
    """Help works from any folder and lists the commands that there are."""
    shown = ended(DEV, "help", cwd=tmp_path)
    assert (shown.returncode, tuple(_SAID.findall(shown.stdout))) == (0, COMMANDS)


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("deom",), 'no command "deom"'),
        (("bench",), "usage: ./dev bench NAME"),
        (("bench", "nothing-like-it"), 'no benchmark "nothing-like-it"'),
        (("bench", "../tests"), 'no benchmark "../tests"'),
        (("check", "--fast"), '"check" takes no arguments, got: --fast'),
        (("fmt", "bot"), '"fmt" takes no arguments, got: bot'),
        (("clean", "all"), '"clean" takes no arguments, got: all'),
    ],
)
def test_bad_arguments_are_named(arguments: tuple[str, ...], sentence: str) -> None:
    """A mistake ends with 2 and a sentence that says which word was wrong."""
    shown = ended(DEV, *arguments)
    assert shown.returncode == 2
    assert sentence in shown.stdout


def test_benchmarks_are_listed_by_name(copy: Path) -> None:
    """Scripts and folders are benchmarks; a name that begins with an underscore is not."""
    shown = ended(str(copy / "dev"), "bench", cwd=Path("/"))
    assert shown.stdout.splitlines()[1:] == ["  speed", "  of_things"]


def test_a_symbolic_link_finds_the_project(copy: Path, tmp_path: Path) -> None:
    """Called through links and from another folder, the script works on its own project."""
    (tmp_path / "first").symlink_to(Path("a folder with spaces") / "dev")
    (tmp_path / "second").symlink_to(tmp_path / "first")
    (copy / ".venv").mkdir()
    (copy / "benchmarks" / "__pycache__").mkdir()
    assert ended(str(tmp_path / "second"), "clean", cwd=Path("/")).returncode == 0
    assert sorted(path.name for path in copy.iterdir()) == ["benchmarks", "dev"]
    assert not (copy / "benchmarks" / "__pycache__").exists()


def test_a_machine_without_python_is_told_what_to_install(copy: Path, tmp_path: Path) -> None:
    """Without uv and without Python the script says which line to type."""
    tools = tmp_path / "tools"
    tools.mkdir()
    for name in ("sh", "dirname", "readlink", "rm", "cat"):
        (tools / name).symlink_to(Path(shutil.which(name) or name))
    shown = ended(str(copy / "dev"), "test", env={"PATH": str(tools)})
    assert shown.returncode == 1
    assert "no Python 3.11 or newer was found" in shown.stdout
    assert "apt-get install python3" in shown.stdout


def test_commands_run_inside_the_locked_environment(copy: Path, tmp_path: Path) -> None:
    """The script syncs first from this machine, and hands every word on as it was typed."""
    tools = tmp_path / "tools"
    tools.mkdir()
    calls = tmp_path / "calls"
    write_program(
        tools / "uv",
        '[ "$1" = --version ] && echo "uv 0.13.0" && exit\n'
        f'for word; do echo "$word"; done >> {calls}',
    )
    path = f"{tools}{os.pathsep}{os.environ['PATH']}"
    shown = ended(str(copy / "dev"), "test", "tests/x y", "-k", "a or b", env={"PATH": path})
    assert shown.returncode == 0
    assert calls.read_text().splitlines() == [
        *("python", "find"),
        *("sync", "--frozen", "--inexact", "--offline", "--quiet"),
        *("run", "--frozen", "--no-sync", "python", "-m", "pytest", "tests/x y", "-k", "a or b"),
    ]


def test_pages_show_commands_that_exist() -> None:
    """Every ./dev command that a page shows is a command of ./dev, the README has the first two."""
    pages = {name: text for name, text in texts() if name.endswith(".md")}
    shown = {name: set(_TYPED.findall(text)) for name, text in pages.items()}
    assert {name: typed for name, typed in shown.items() if typed - set(COMMANDS)} == {}
    assert shown["README.md"] >= {"demo", "test"}


@pytest.mark.skipif(not shutil.which("shellcheck"), reason="shellcheck is not installed")
def test_shell_scripts_are_clean() -> None:
    """The shell scripts pass shellcheck where it is installed."""
    shown = ended("shellcheck", "dev", ".ci/run", cwd=ROOT)
    assert (shown.returncode, shown.stdout) == (0, "")


def write_program(path: Path, body: str) -> None:
    """Write a shell script that can be started."""
    path.write_text(f"#!/bin/sh\n{body}\n")
    path.chmod(0o755)
