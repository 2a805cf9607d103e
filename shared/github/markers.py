"""The hidden first line by which Baton knows its own comments again."""

from urllib.parse import quote

from shared.github.limits import BODY, cut


def mark(marker: str, body: str) -> str:
    """Put the marker before a body, and cut the whole to GitHub's limit."""
    line = _line(marker)
    return line + cut(body, BODY - len(line))


def is_marked(body: str, marker: str) -> bool:
    """Tell whether a body starts with the marker; quoted ones further down do not count."""
    return body.replace("\r\n", "\n").startswith(_line(marker))


def _line(marker: str) -> str:
    # Nothing in it may end the HTML comment or the line.
    name = quote(marker, safe=" /:.#@+").replace("--", "-%2D")
    return f"<!-- baton:{name} -->\n"
