"""The hidden first line by which Baton knows its own comments again."""

import re

from shared.github.limits import BODY, cut

_MARKER = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:/-]{0,99}")


def mark(marker: str, body: str) -> str:
    """Put the marker before a body, and cut the whole to GitHub's limit.

    Raises ValueError for a marker that could end the HTML comment it stands in.
    """
    line = _line(marker)
    return line + cut(body, BODY - len(line))


def is_marked(body: str, marker: str) -> bool:
    """Tell whether a body starts with the marker; quoted ones further down do not count."""
    return body.replace("\r\n", "\n").startswith(_line(marker))


def _line(marker: str) -> str:
    if not _MARKER.fullmatch(marker) or "--" in marker:
        raise ValueError(f"{marker!r} cannot be a marker: letters, digits and . _ : / - only")
    return f"<!-- baton:{marker} -->\n"
