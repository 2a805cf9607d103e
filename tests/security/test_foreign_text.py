"""Foreign text in what Baton says on GitHub: it stays text, and inside its place."""

import pytest

from bot.rendering import line, plain


@pytest.mark.parametrize(
    "text",
    [
        *("fixes #7", "Closes: #7", "resolved\n#7", "fix o/r#7", "closes GH-7"),
        *("fixes [#7](u)", "closes https://github.com/o/r/issues/7"),
    ],
)
def test_nothing_is_closed(text: str) -> None:
    """No way of writing that GitHub takes for "closes" survives."""
    assert "\u200b" in plain(text)


@pytest.mark.parametrize("text", ["@alice", "`@alice", "(@alice)", "`x`@alice", "/@alice"])
def test_nobody_is_called(text: str) -> None:
    """Nobody is notified, not even behind a back-tick that opens nothing."""
    assert "@alice" not in plain(text)


@pytest.mark.parametrize("text", ["```", "a\n~~~~ x\nb", "```\na\n```\n```python", "   ````\n```"])
def test_code_blocks_are_closed(text: str) -> None:
    """What follows foreign text, such as the proof, is not taken into its code block."""
    assert plain(text).splitlines()[-1].strip("`~") == ""
    assert plain(plain(text)) == plain(text)


def test_closed_blocks_stay_as_they_are() -> None:
    """A code block that ends is left alone."""
    assert plain("```python\nx\n```\nend") == "```python\nx\n```\nend"


@pytest.mark.parametrize("text", ["</details>", "<!-- baton -->", "<img src=x>", "<?x", "![a](b)"])
def test_no_html_and_no_images(text: str) -> None:
    """Folds are not left, markers not forged, other hosts not asked."""
    assert "<" not in plain(text)
    assert "![" not in plain(text)


def test_a_line_stays_in_its_cell() -> None:
    """Neither bars nor line ends lead out of a table."""
    assert line("a | b\n| c") == "a &#124; b &#124; c"
