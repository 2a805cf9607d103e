import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from shared.workspace.edits import EditRefused, replace_lines

TEXT = "def f():\n    x = 1\n    return x\n\n\ndef g():\n    x = 1\n    return x + 1\n"

EXACT = {
    "one line": ("a\nb\nc\n", "b\n", "B\n", "a\nB\nc\n"),
    "first line": ("a\nb\n", "a\n", "A\n", "A\nb\n"),
    "last line": ("a\nb\n", "b\n", "B\n", "a\nB\n"),
    "more lines than before": ("a\nb\n", "a\n", "1\n2\n", "1\n2\nb\n"),
    "fewer lines": ("a\nb\nc\n", "a\nb\n", "x\n", "x\nc\n"),
    "deletion": ("a\nb\nc\n", "b\n", "", "a\nc\n"),
    "deletion of everything": ("a\n", "a\n", "", ""),
    "a blank line put in": ("a\nb\n", "a\n", "a\n\n", "a\n\nb\n"),
    "no final newline, last line": ("a\nb", "b\n", "B\n", "a\nB"),
    "no final newline, other line": ("a\nb", "a\n", "A\n", "A\nb"),
    "carriage returns": ("a\r\nb\r\nc\r\n", "b\n", "x\ny\n", "a\r\nx\r\ny\r\nc\r\n"),
    "carriage returns in the search": ("a\r\nb\r\n", "a\r\n", "x\r\n", "x\r\nb\r\n"),
    "carriage returns, no final newline": ("a\r\nb", "b\n", "x\ny\n", "a\r\nx\r\ny"),
    "mixed endings": ("a\r\nb\nc\r\n", "b\n", "B\n", "a\r\nB\nc\r\n"),
    "unicode": ("이름 = '값'\nb\n", "이름 = '값'\n", "이름 = 'ü'\n", "이름 = 'ü'\nb\n"),
    "unicode line separators are no lines": ("a\u2028b\nc\n", "c\n", "d\n", "a\u2028b\nd\n"),
    "form feed": ("a\n\x0c\nb\n", "\x0c\nb\n", "b\n", "a\nb\n"),
    "whole lines only": ("xa\na\n", "a\n", "b\n", "xa\nb\n"),
    "an empty file": ("", "", "x\n", "x\n"),
    "two places that more lines tell apart": (
        *(TEXT, "    x = 1\n    return x + 1\n", "    return 2\n"),
        TEXT.replace("    x = 1\n    return x + 1\n", "    return 2\n"),
    ),
}
TOLERANT = {
    "trailing blanks in the file": ("a  \nb\n", "a\n", "A\n", "A\nb\n"),
    "trailing blanks in the search": ("a\nb\n", "a  \n", "A\n", "A\nb\n"),
    "indentation forgotten": (
        "class A:\n    def f(self):\n        pass\n",
        "def f(self):\n    pass\n",
        "def f(self):\n\n    return 1\n",
        "class A:\n    def f(self):\n\n        return 1\n",
    ),
    "indentation too deep": ("if a:\n  b\n", "    if a:\n      b\n", "    b\n", "b\n"),
    "tabs": ("\tif a:\n\t\tb\n", "if a:\n\tb\n", "if c:\n\tb\n", "\tif c:\n\t\tb\n"),
    "blank line at the end of the search": ("a\nb\n", "a\n\n", "A\n\n", "A\nb\n"),
}
REFUSED = {
    "two places": (TEXT, "    x = 1\n", "    x = 2\n", "2 times, from lines 2, 7"),
    "two places but for whitespace": ("a \na\t\n", "a\n", "b\n", "2 times, from lines 1, 2"),
    "many places": ("a\n" * 30, "a\n", "b\n", "30 times, .* and more"),
    "nothing like it": ("a\nb\n", "zebra\n", "b\n", "nor anything like it"),
    "an empty search": ("a\n", "", "b\n", "SEARCH part is empty"),
    "blank lines only": ("a\n \nb\n", "\n\n\n", "x\n", "not in the file"),
    "no change": ("a\n", "a\n", "a\n", "the same"),
    "indentation that differs from line to line": (
        *("if a:\n        b\n", "if a:\n    b\n", "if a:\n    c\n", "1\\| if a:\n +2\\|         b"),
    ),
    "a new line that cannot be shifted": (
        *("if a:\n    b\n", "    if a:\n        b\n", "else\n    b\n", "nearest lines"),
    ),
    "line numbers": ("a = 1\nb = 2\n", "     1| a = 1\n     2| b = 2\n", "x\n", "line numbers"),
    "a near miss": (TEXT, "    return x + 2\n", "    return 3\n", "8\\|     return x \\+ 1"),
}


@pytest.mark.parametrize("case", EXACT)
def test_an_exact_place_is_replaced(case: str) -> None:
    """The one place is replaced; endings of lines and of the file stay as they are."""
    text, search, replace, result = EXACT[case]
    assert replace_lines(text, search, replace) == (result, True)


@pytest.mark.parametrize("case", TOLERANT)
def test_the_one_place_that_differs_in_whitespace_is_replaced(case: str) -> None:
    """Whitespace at line ends, or one same indentation, may differ; the new lines follow it."""
    text, search, replace, result = TOLERANT[case]
    assert replace_lines(text, search, replace) == (result, False)


@pytest.mark.parametrize("case", REFUSED)
def test_nothing_is_guessed(case: str) -> None:
    """No place, two places, or only a similar place: refused, with what helps to find it."""
    text, search, replace, said = REFUSED[case]
    with pytest.raises(EditRefused, match=said):
        replace_lines(text, search, replace)


_line = st.text(st.characters(exclude_characters="\n", codec="utf-8"), max_size=4)
_lines = st.lists(_line, max_size=6)


@given(_lines, st.lists(_line, min_size=1, max_size=3), _lines, _lines, st.sampled_from(["\n", ""]))
def test_only_the_searched_lines_change(
    before: list[str], search: list[str], after: list[str], replace: list[str], last: str
) -> None:
    """Whatever a file holds, an exact edit leaves every other line as it was."""
    lines = [*before, *search, *after]
    assume(not any("\r" in line for line in [*lines, *replace]))
    assume(search != replace)
    places = [n for n in range(len(lines)) if lines[n : n + len(search)] == search]
    assume(len(places) == 1)
    assume(last or lines[-1])
    assume(last or [*before, *replace, *after][-1:] != [""])
    edited = replace_lines(
        "\n".join(lines) + last,
        "".join(f"{line}\n" for line in search),
        "".join(f"{line}\n" for line in replace),
    )
    expected = [*before, *replace, *after]
    assert edited.text == ("\n".join(expected) + last if expected else "")
