import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents import protocol
from shared.errors import MalformedAction
from shared.workspace import (
    ACTIONS,
    Action,
    CreateFile,
    EditFile,
    RunCommand,
    Search,
    Submit,
    ViewFile,
)

EDIT = "```edit a.py\n<<<<<<< SEARCH\nx = 1\n=======\nx = 2\n>>>>>>> REPLACE\n```"
EDITED = EditFile(path="a.py", search="x = 1\n", replace="x = 2\n")

GOOD: dict[str, tuple[str, Action]] = {
    "prose before": ("I run the tests.\n\n```run\npytest -q\n```", RunCommand(command="pytest -q")),
    "prose after": ("```run\nls\n```\nThis lists files.", RunCommand(command="ls")),
    "several lines": ("```run\ncd a\nls\n```", RunCommand(command="cd a\nls")),
    "bash for run": ("```bash\nls\n```", RunCommand(command="ls")),
    "sh for run": ("```sh\nls\n```", RunCommand(command="ls")),
    "upper case": ("```RUN\nls\n```", RunCommand(command="ls")),
    "command in the header": ("```run ls -l\n```", RunCommand(command="ls -l")),
    "all on one line": ("```run ls -l```", RunCommand(command="ls -l")),
    "tildes": ("~~~run\nls\n~~~", RunCommand(command="ls")),
    "carriage returns": ("```run\r\nls\r\n```\r\n", RunCommand(command="ls")),
    "thoughts with a draft": (
        "<think>\n```run\nrm -r x\n```\n</think>\n```run\nls\n```",
        RunCommand(command="ls"),
    ),
    "thoughts whose beginning the template wrote": (
        "I could do\n```run\nrm -r x\n```\n</think>\n\n```run\nls\n```",
        RunCommand(command="ls"),
    ),
    "a file about thoughts": (
        "```create a.html\n<think>\n</think>\n```",
        CreateFile(path="a.html", content="<think>\n</think>\n"),
    ),
    "an example in another language before": (
        "It is so:\n```python\nprint(1)\n```\nI look.\n```view a.py\n```",
        ViewFile(path="a.py"),
    ),
    "here document with fences inside four": (
        "````run\ncat > a.md <<'E'\n```\nx\n```\nE\n````",
        RunCommand(command="cat > a.md <<'E'\n```\nx\n```\nE"),
    ),
    "view": ("```view src/a.py\n```", ViewFile(path="src/a.py")),
    "view without a closing fence": ("```view src/a.py", ViewFile(path="src/a.py")),
    "view of lines": ("```view src/a.py 10-20\n```", ViewFile(path="src/a.py", start=10, end=20)),
    "view with a colon": ("```view a.py:10-20\n```", ViewFile(path="a.py", start=10, end=20)),
    "view from a line on": ("```view a.py 10\n```", ViewFile(path="a.py", start=10)),
    "view of words": ("```view a.py lines 3 to 9\n```", ViewFile(path="a.py", start=3, end=9)),
    "view with the path below": ("```view\na.py\n```", ViewFile(path="a.py")),
    "path with a label": ("```view path=./a.py\n```", ViewFile(path="a.py")),
    "word with a colon": ("```view: a.py\n```", ViewFile(path="a.py")),
    "quoted path": ('```view "my file.py"\n```', ViewFile(path="my file.py")),
    "search everywhere": ("```search\ndef f(\n```", Search(pattern="def f(")),
    "search below": ("```search src/a\nx +=\n```", Search(pattern="x +=", path="src/a")),
    "edit": (EDIT, EDITED),
    "edit without a closing fence": (EDIT.removesuffix("\n```"), EDITED),
    "edit with the path below": (EDIT.replace("edit a.py", "edit\na.py"), EDITED),
    "edit with unequal markers": (EDIT.replace("<<<<<<<", "<<<<<<"), EDITED),
    "edit that deletes": (
        "```edit a.py\n<<<<<<< SEARCH\nx\n=======\n>>>>>>> REPLACE\n```",
        EditFile(path="a.py", search="x\n", replace=""),
    ),
    "edit that leaves a blank line": (
        "```edit a.py\n<<<<<<< SEARCH\nx\n=======\n\n>>>>>>> REPLACE\n```",
        EditFile(path="a.py", search="x\n", replace="\n"),
    ),
    "edit of a heading of reST": (
        "```edit a.rst\n<<<<<<<< SEARCH\nA\n=======\n========\nB\n=======\n>>>>>>>> REPLACE\n```",
        EditFile(path="a.rst", search="A\n=======\n", replace="B\n=======\n"),
    ),
    "edit with fences in its text": (
        "```edit a.md\n<<<<<<< SEARCH\n```\na\n```\n=======\n```run\nb\n```\n>>>>>>> REPLACE\n```",
        EditFile(path="a.md", search="```\na\n```\n", replace="```run\nb\n```\n"),
    ),
    "create": ("```create a.py\nx = 1\n```", CreateFile(path="a.py", content="x = 1\n")),
    "create an empty file": (
        "```create a/__init__.py\n```",
        CreateFile(path="a/__init__.py", content=""),
    ),
    "create with a named fence inside": (
        "```create a.md\n# A\n```bash\nls\n```\nend\n```",
        CreateFile(path="a.md", content="# A\n```bash\nls\n```\nend\n"),
    ),
    "create with an indented fence inside": (
        "```create a.md\n- x\n  ```\n  y\n  ```\n```",
        CreateFile(path="a.md", content="- x\n  ```\n  y\n  ```\n"),
    ),
    "create with four backticks": (
        "````create a.md\n```\nx\n```\n````",
        CreateFile(path="a.md", content="```\nx\n```\n"),
    ),
    "submit": ("Done.\n```submit\nIt works.\n```", Submit(message="It works.")),
    "submit without a word": ("```submit\n```", Submit()),
}

BAD = {
    "nothing": ("", "no action"),
    "prose only": ("I think the bug is in a.py.", "no action"),
    "thoughts without an end": ("<think>\n```run\nrm -r x\n```", "thinking has no end"),
    "another language": ("```python\nprint(1)\n```", '"python" is not an action'),
    "two actions": (
        "```run\nls\n```\nThen\n```view a.py\n```",
        'two actions, "run" and "view"',
    ),
    "two edits": (f"{EDIT}\n{EDIT}", "two SEARCH parts"),
    "edit, then run": (f"{EDIT}\n```run\nls\n```", 'two actions, "edit" and "run"'),
    "made-up output": ("```run\nls\n```\nOutput:\n```\na.py\n```", "Nothing may follow"),
    "here document cut by its own fence": (
        "```run\ncat > a.md <<'E'\n```\nx\n```\nE\n```",
        "four backticks",
    ),
    "create cut by a bare fence inside": (
        "```create a.md\n# A\n```\nls\n```\nend\n```",
        "four backticks",
    ),
    "run not closed": ("```run\nrm -rf a", "not closed"),
    "create not closed": ("```create a.py\nx = 1", "not closed"),
    "run empty": ("```run\n\n```", "empty"),
    "run with both": ("```run ls\npwd\n```", "lines below"),
    "view of nothing": ("```view\n```", "Name one file"),
    "view backwards": ("```view a.py 9-3\n```", "backwards"),
    "view of two": ("```view\na.py\nb.py\n```", "Name one file"),
    "search of nothing": ("```search src\n```", "pattern"),
    "search of many lines": ("```search\na\nb\n```", "one line"),
    "edit without a path": (EDIT.replace(" a.py", ""), "Name the file"),
    "edit without SEARCH": ("```edit a.py\nx = 2\n```", "<<<<<<< SEARCH"),
    "edit without anything": ("```edit a.py\n```", "<<<<<<< SEARCH"),
    "edit without a divider": (EDIT.replace("=======\n", ""), 'no line "======="'),
    "edit without an end": (EDIT.replace(">>>>>>> REPLACE\n", ""), "REPLACE"),
    "edit with two dividers": (EDIT.replace("x = 2", "=======\nx"), "nine signs"),
    "edit in the wrong order": (
        "```edit a.py\n<<<<<<< SEARCH\n>>>>>>> REPLACE\n=======\n```",
        "order",
    ),
    "create without a path": ("```create\nx = 1\n```", "Name the file"),
}


@pytest.mark.parametrize("case", GOOD)
def test_good_forms_are_read(case: str) -> None:
    """Every form that can mean one thing only is read as that."""
    text, action = GOOD[case]
    assert protocol.parse(text) == action


@pytest.mark.parametrize("case", BAD)
def test_bad_forms_are_refused_with_a_precise_sentence(case: str) -> None:
    """What could mean two things, or nothing, is refused, and the sentence names the fault."""
    text, said = BAD[case]
    with pytest.raises(MalformedAction, match=said.replace("(", r"\(")):
        protocol.parse(text)


@pytest.mark.parametrize("case", GOOD)
def test_actions_survive_the_durable_log(case: str) -> None:
    """An action read back from its JSON form is the same action."""
    action = GOOD[case][1]
    assert ACTIONS.validate_json(ACTIONS.dump_json(action)) == action


_TELLING = (
    *("```", "````", "~~~", "run", "edit a.py", "create b", "view", "submit", "search"),
    *("<<<<<<< SEARCH", "=======", ">>>>>>> REPLACE", "<think>", "</think>"),
    *(" ", "\n", "\r", "x", "한"),
)
_pieces = st.lists(
    st.sampled_from(_TELLING) | st.text(max_size=5),
    max_size=25,
).map("".join)


@given(_pieces | st.text())
def test_the_parser_raises_nothing_but_its_own_error(text: str) -> None:
    """Whatever a model says, the outcome is an action or a correction, never a crash."""
    try:
        action = protocol.parse(text)
    except MalformedAction:
        return
    assert ACTIONS.validate_json(ACTIONS.dump_json(action)) == action


_lines = st.lists(
    st.text(st.characters(exclude_characters="\n", codec="utf-8"))
    | st.sampled_from(["```", "````x", "~~~", "=======", ">>>>>>> REPLACE", "<<<<<<< SEARCH", ""]),
    max_size=8,
).map(lambda lines: "".join(f"{line}\n" for line in lines))


@given(_lines)
def test_any_new_file_survives_being_written_and_read(content: str) -> None:
    """Every text, fences and markers included, can be the content of a new file."""
    action = CreateFile(path="a.txt", content=content)
    assert protocol.parse(protocol.render(action)) == action


@given(_lines, _lines)
def test_any_edit_survives_being_written_and_read(search: str, replace: str) -> None:
    """Every pair of texts, fences and markers included, can be searched and put in place."""
    action = EditFile(path="a.txt", search=search, replace=replace)
    assert protocol.parse(protocol.render(action)) == action
