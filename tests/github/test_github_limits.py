import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.github.limits import BODY, TITLE, cut, cut_title
from shared.github.markers import is_marked, mark


def _units(text: str) -> int:
    return len(text.encode("utf-16-le")) // 2


def test_short_texts_are_left_alone() -> None:
    """A text within the limit is returned as it is."""
    assert cut("x" * BODY) == "x" * BODY
    assert cut("") == ""


def test_long_texts_end_below_the_limit_and_say_so() -> None:
    """A longer text is shortened to the limit and says how long it was."""
    result = cut("a line\n" * 20_000)
    assert _units(result) <= BODY
    assert _units(result) > BODY - 3000
    assert result.endswith(
        "_Cut here: GitHub takes at most 65,535 characters, this text has 140,000._"
    )
    assert set(result.split("\n\n_Cut")[0].split("\n")) == {"a line"}


def test_code_fence_and_folds_are_closed() -> None:
    """What was open at the cut is closed in the order it was opened, inside first."""
    body = (
        "<details><summary>log</summary>\n<details>\n\n~~~~text\n" + "boom ``` </details>\n" * 500
    )
    result = cut(body, 2000)
    assert len(result) <= 2000
    assert "\n~~~~\n\n</details>\n\n</details>\n\n_Cut here" in result


def test_inline_code_opens_no_fence() -> None:
    """Three backticks that close on their own line are inline code, not a fence."""
    result = cut("```a``` b\n" * 500, 1000)
    assert not result.split("\n\n_Cut")[0].endswith("\n```")


def test_cut_never_falls_into_a_marker() -> None:
    """A comment that the cut would split is dropped whole."""
    for limit in range(180, 240):
        result = cut("x" * 70 + "<!-- baton:status -->" + "y" * 400, limit)
        assert result.count("<!--") == result.count("-->")


def test_emoji_count_double_and_stay_whole() -> None:
    """Characters beyond the basic plane count as the two units they are, and are not split."""
    result = cut("🙂" * 40_000)
    assert _units(result) <= BODY
    result.encode()


def test_lone_surrogates_are_replaced() -> None:
    """What no encoding can carry becomes the replacement character."""
    assert cut("a\ud800b") == "a\ufffdb"


_line = st.sampled_from(
    [
        "words and words",
        "```",
        "```python",
        "~~~",
        "<details>",
        "</details>",
        "<!-- a -->",
        "",
        "한국어 🙂",
    ]
)


@settings(max_examples=200, deadline=None)
@given(st.lists(_line, min_size=30, max_size=120), st.integers(250, 500))
def test_any_markdown_stays_balanced(lines: list[str], limit: int) -> None:
    """However fences and folds are mixed, the cut text holds the limit and closes what it opens."""
    result = cut("\n".join(lines), limit)
    assert _units(result) <= limit
    if "_Cut here" in result:
        kept = result.split("\n\n_Cut here")[0]
        assert kept.count("<!--") == kept.count("-->")
        fences = _open_fence(kept)
        assert fences is None, kept


def _open_fence(text: str) -> str | None:
    fence = None
    for line in text.split("\n"):
        match = re.match(r"(`{3,}|~{3,})(.*)$", line)
        if match and fence is None:
            fence = match[1]
        elif match and match[1] == fence and not match[2]:
            fence = None
    return fence


def test_titles_are_one_line() -> None:
    """A title loses its line breaks and, when too long, ends in an ellipsis."""
    assert cut_title("  Fix\n  the   bug ") == "Fix the bug"
    assert _units(cut_title("🙂" * 200)) <= TITLE
    assert cut_title("x" * 300).endswith("…")


def test_marked_body_keeps_its_marker_and_the_limit() -> None:
    """The marker is the first line, survives the cut, and the whole holds GitHub's limit."""
    body = mark("status run-7", "z\n" * 60_000)
    assert body.startswith("<!-- baton:status run-7 -->\nz\n")
    assert _units(body) <= BODY
    assert is_marked(body, "status run-7")
    assert is_marked(body.replace("\n", "\r\n"), "status run-7")


def test_a_quoted_marker_is_not_a_marker() -> None:
    """A marker further down, say in a quotation, does not make a comment Baton's."""
    assert not is_marked(f"> {mark('status', 'x')}", "status")
    assert not is_marked(mark("status 2", "x"), "status")


@pytest.mark.parametrize("marker", ["a--b", "x --> <img>", "two\nlines", "한국어", "---", "a-"])
def test_no_marker_breaks_out_of_its_comment(marker: str) -> None:
    """Whatever a marker holds, the hidden line stays one closed HTML comment."""
    line = mark(marker, "").split("\n")[0]
    assert re.fullmatch(r"<!-- baton:(?:(?!--|>).)+ -->", line)
    assert is_marked(mark(marker, "body"), marker)
