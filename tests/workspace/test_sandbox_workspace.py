from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from shared.sandbox import Limits, Sandbox
from shared.workspace import (
    CreateFile,
    EditFile,
    Observation,
    RunCommand,
    SandboxWorkspace,
    Search,
    Submit,
    ViewFile,
    policy,
)
from shared.workspace.showing import LONGEST


@pytest.fixture
def workspace(root: Path, sandbox: Sandbox) -> SandboxWorkspace:
    """Give the hands on a small worktree."""
    return SandboxWorkspace(root, sandbox, limits=Limits(seconds=20))


def edit(search: str, replace: str, path: str = "src/a.py") -> EditFile:
    """Return an edit of one line."""
    return EditFile(path=path, search=search, replace=replace)


async def test_a_command_runs_at_the_top_of_the_worktree(workspace: SandboxWorkspace) -> None:
    """Its output and exit code are the observation."""
    seen = await workspace.act(RunCommand(command="ls src && echo x > made.txt"))
    assert (seen.text, seen.ok) == ("a.py\n(exit code 0)", True)
    assert seen.seconds > 0
    assert (await workspace.act(RunCommand(command="cat made.txt"))).text == "x\n(exit code 0)"
    failed = await workspace.act(RunCommand(command="false"))
    assert (failed.text, failed.ok) == ("(no output)\n(exit code 1)", False)


async def test_a_command_has_a_time_limit(root: Path, sandbox: Sandbox) -> None:
    """A command that hangs is stopped, and the agent hears why."""
    workspace = SandboxWorkspace(root, sandbox, limits=Limits(seconds=0.5))
    seen = await workspace.act(RunCommand(command="echo start; sleep 60"))
    assert not seen.ok
    assert seen.text == "start\n(stopped: longer than 0.5 seconds)"


async def test_long_output_keeps_its_start_and_its_end(workspace: SandboxWorkspace) -> None:
    """More than 10,000 characters become the first and the last 5,000."""
    seen = await workspace.act(RunCommand(command="seq 1 100000"))
    assert seen.text.startswith("1\n2\n")
    assert "characters left out" in seen.text
    assert seen.text.endswith("100000\n(exit code 0)")
    assert len(seen.text) < LONGEST + 100


async def test_a_file_is_viewed_with_line_numbers(workspace: SandboxWorkspace, root: Path) -> None:
    """The part asked for is shown, at most 400 lines, and what comes next is said."""
    seen = await workspace.act(ViewFile(path="src/a.py", start=2, end=9))
    assert seen.text == "src/a.py, lines 2-2 of 2\n     2|     return 1"
    (root / "long.txt").write_text("".join(f"{n}\n" for n in range(1, 1001)))
    text = (await workspace.act(ViewFile(path="long.txt"))).text
    assert text.startswith("long.txt, lines 1-400 of 1000\n     1| 1\n")
    assert text.endswith("(View from line 401 to see more.)")
    (root / "wide.txt").write_text("x" * 50_000 + "\ny\n")
    wide = (await workspace.act(ViewFile(path="wide.txt"))).text
    assert len(wide) <= LONGEST
    assert "(View from line 2 to see more.)" in wide
    (root / "empty.txt").touch()
    assert (await workspace.act(ViewFile(path="empty.txt"))).text == "empty.txt is empty."
    assert not (await workspace.act(ViewFile(path="src/a.py", start=3))).ok


async def test_a_directory_is_listed(workspace: SandboxWorkspace) -> None:
    """Viewing a directory shows what it holds."""
    assert (await workspace.act(ViewFile(path="."))).text == ". holds:\nsrc/"


async def test_a_search_shows_lines_with_their_places(workspace: SandboxWorkspace) -> None:
    """A pattern is a regular expression, or the text as it stands when it is none."""
    found = Observation(text="src/a.py:1:def f():", ok=True)
    assert await workspace.act(Search(pattern=r"def \w+\(")) == found
    assert await workspace.act(Search(pattern="f(", path="src")) == found
    nothing = await workspace.act(Search(pattern="zebra"))
    assert nothing == Observation(text="Nothing matches in ..", ok=True)
    missing = await workspace.act(Search(pattern="x", path="lib"))
    assert missing == Observation(text="lib cannot be searched. Does it exist?", ok=False)
    assert not (await workspace.act(Search(pattern="secret", path=".."))).ok


async def test_a_search_of_an_option_is_a_search(workspace: SandboxWorkspace) -> None:
    """A pattern that looks like an option of grep is a pattern."""
    seen = await workspace.act(Search(pattern="--version"))
    assert seen.text.startswith("Nothing matches")


async def test_an_edit_shows_what_changed(workspace: SandboxWorkspace, root: Path) -> None:
    """The observation is the diff, and the file has it."""
    seen = await workspace.act(edit("    return 1\n", "    return 2\n"))
    assert seen.ok
    assert "-    return 1\n+    return 2" in seen.text
    assert (root / "src" / "a.py").read_text() == "def f():\n    return 2\n"


async def test_overlooked_whitespace_is_said(workspace: SandboxWorkspace) -> None:
    """An edit that needed tolerance says so and shows what it did."""
    seen = await workspace.act(edit("return 1\n", "return 2\n"))
    assert seen.ok
    assert "overlooking whitespace" in seen.text
    assert "+    return 2" in seen.text


async def test_a_refused_edit_changes_nothing(workspace: SandboxWorkspace, root: Path) -> None:
    """What does not fit is an observation, and the file stays."""
    seen = await workspace.act(edit("    return 3\n", "    return 2\n"))
    assert not seen.ok
    assert "nearest lines" in seen.text
    assert (root / "src" / "a.py").read_text() == "def f():\n    return 1\n"


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("    return (\n", "line 2: '(' was never closed"),
        ("return 1\n", "line 2: expected an indented block"),
        ("    break\n", "'break' outside loop"),
    ],
)
async def test_broken_python_is_told_at_once(
    line: str, said: str, workspace: SandboxWorkspace
) -> None:
    """After an edit that breaks the syntax the agent hears the line and the fault."""
    seen = await workspace.act(edit("    return 1\n", line))
    assert not seen.ok
    assert "The file is changed, but it is no longer valid" in seen.text
    assert said in seen.text


async def test_a_hostile_text_cannot_hurt_the_host(workspace: SandboxWorkspace) -> None:
    """A file that exhausts the compiler, or warns, ends in a sentence."""
    deep = await workspace.act(CreateFile(path="deep.py", content="(" * 100_000 + "\n"))
    assert not deep.ok
    warned = await workspace.act(CreateFile(path="warned.py", content="x = 1 is 1\n"))
    assert warned == Observation(text="Wrote warned.py (1 lines).", ok=True)
    nested = await workspace.act(CreateFile(path="nested.py", content="-" * 300_000 + "1\n"))
    assert not nested.ok
    assert "nested.py" in nested.text


async def test_a_name_that_nothing_defines_is_told_at_once(
    workspace: SandboxWorkspace, root: Path
) -> None:
    """An edit that uses a name without its import hears so; names from before are left alone."""
    (root / "src" / "a.py").write_text("def f():\n    return old_trouble\n")
    seen = await workspace.act(
        edit("    return old_trouble\n", "    return math.pi + old_trouble\n")
    )
    assert seen.ok
    assert "defines or imports: math." in seen.text
    seen = await workspace.act(edit("def f():\n", "import math\n\n\ndef f():\n"))
    assert "Nothing in the file" not in seen.text


@pytest.mark.parametrize(
    "text",
    [
        "class A(Exception):\n    x = 1\n    def f(self):\n        return super().f(), __class__\n",
        "def f():\n    global made\n    made = 1\ndef g():\n    return made, __name__, __file__\n",
        "def f(a):\n    def g():\n        return a\n    return [b for b in g()]\n",
        "from os.path import *\nx = join('a')\n",
        "try:\n    import a\nexcept ImportError as e:\n    print(e)\nelse:\n    a.b()\n",
        "match 1:\n    case [x, *y]:\n        print(x, y)\nif (n := 3):\n    print(n)\n",
        "import a.b\n@a.c\nasync def f(x: 'Late') -> None:\n    async with x as y:\n        y()\n",
    ],
)
async def test_honest_names_are_not_doubted(workspace: SandboxWorkspace, text: str) -> None:
    """Every way to bind a name is known."""
    seen = await workspace.act(CreateFile(path="new.py", content=text))
    assert seen.ok
    assert "Nothing in the file" not in seen.text


async def test_broken_settings_are_told_at_once(workspace: SandboxWorkspace, root: Path) -> None:
    """JSON and TOML are read after an edit, unless they could not be read before."""
    assert not (await workspace.act(CreateFile(path="a.json", content="{]\n"))).ok
    assert not (await workspace.act(CreateFile(path="b.toml", content="a = \n"))).ok
    (root / "tsconfig.json").write_text("// comments\n{}\n")
    assert (await workspace.act(edit("{}\n", "{ }\n", "tsconfig.json"))).ok


async def test_other_languages_are_not_compiled(workspace: SandboxWorkspace) -> None:
    """What is neither Python nor settings is not looked at."""
    assert (await workspace.act(CreateFile(path="a.js", content="(\n"))).ok


async def test_a_mark_at_the_start_is_kept(workspace: SandboxWorkspace, root: Path) -> None:
    """A file with a byte order mark can be edited in its first line, and keeps the mark."""
    (root / "b.py").write_bytes(b"\xef\xbb\xbfx = 1\r\ny = 2\r\n")
    assert (await workspace.act(edit("x = 1\n", "x = 3\n", "b.py"))).ok
    assert (root / "b.py").read_bytes() == b"\xef\xbb\xbfx = 3\r\ny = 2\r\n"


async def test_a_link_that_a_command_made_is_not_followed(
    workspace: SandboxWorkspace, root: Path
) -> None:
    """What the sandbox leaves behind cannot send the host elsewhere."""
    await workspace.act(RunCommand(command="ln -s ../outside.txt a.txt; ln -s .. up"))
    for path in ("a.txt", "up/outside.txt"):
        assert "symbolic link" in (await workspace.act(ViewFile(path=path))).text
        assert not (await workspace.act(edit("secret\n", "x\n", path))).ok
        assert not (await workspace.act(CreateFile(path=path, content="x\n"))).ok
    assert (root.parent / "outside.txt").read_text() == "secret\n"


async def test_the_rule_on_writing_is_kept(root: Path, sandbox: Sandbox) -> None:
    """A path that a role may not write is refused with the reason, however it is spelled."""
    tester = SandboxWorkspace(root, sandbox, writable=policy.tester_writes)
    for path in ("src/a.py", "./src//a.py"):
        seen = await tester.act(edit("    return 1\n", "    return 2\n", path))
        assert "src/a.py is not a test file" in seen.text
    assert not (await tester.act(CreateFile(path="tests/conftest.py", content=""))).ok
    assert (await tester.act(CreateFile(path="tests/test_a.py", content=""))).ok
    coder = SandboxWorkspace(root, sandbox, writable=policy.coder_writes(["tests/test_a.py"]))
    seen = await coder.act(edit("", "x = 1\n", "tests/test_a.py"))
    assert "holds the given tests" in seen.text
    assert not (await coder.act(CreateFile(path="conftest.py", content=""))).ok
    assert (await coder.act(edit("    return 1\n", "    return 2\n"))).ok


def test_what_commands_changed_can_be_judged_afterwards() -> None:
    """Each forbidden file gives a sentence; the others give none."""
    rule = policy.coder_writes(["tests/test_a.py"])
    told = policy.violations(["src/a.py", "tests/test_a.py", "tests/conftest.py"], rule)
    assert [sentence.split()[0] for sentence in told] == ["tests/test_a.py", "tests/conftest.py"]


@pytest.mark.parametrize(
    "path",
    ["tests/test_a.py", "test_a.py", "pkg/a_test.py", "a/tests/data/x.json", "src/a.test.ts"],
)
def test_test_files_are_known_by_name_or_folder(path: str) -> None:
    """The Tester may write what belongs to tests in the usual layouts."""
    assert policy.tester_writes(path) is None


@pytest.mark.parametrize("path", ["src/a.py", "latest/a.py", "contest.py", "tests.toml.py/x", "a"])
def test_other_files_are_not(path: str) -> None:
    """A name that merely contains the word is no test."""
    assert policy.tester_writes(path) is not None


async def test_submitting_is_seen(workspace: SandboxWorkspace) -> None:
    """The loop ends on a submission that the workspace takes."""
    assert (await workspace.act(Submit(message="x"))).ok


_text = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=60)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)
@given(st.lists(_text, min_size=1, max_size=5), _text)
async def test_any_content_can_be_created_and_edited(
    workspace: SandboxWorkspace, root: Path, lines: list[str], new: str
) -> None:
    """Every text that a model may send ends up in the file as it was sent."""
    content = "".join(f"{line}\n" for line in lines)
    (root / "any.txt").unlink(missing_ok=True)
    assert (await workspace.act(CreateFile(path="any.txt", content=content))).ok
    assert (root / "any.txt").read_bytes() == content.encode()
    search, replace = content, f"{new}\n+\n"
    seen = await workspace.act(edit(search, replace, "any.txt"))
    if seen.ok:
        written = (root / "any.txt").read_bytes().decode().replace("\r", "")
        assert written == replace.replace("\r", "")
    else:
        assert "the same" in seen.text
