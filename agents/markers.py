"""The SEARCH/REPLACE markers of an edit, which local models know from their training.

The markers have seven signs; when the text itself holds such a line (a heading of reST, a merge
conflict) all three are made longer, so that each edit has one meaning only.
"""

import re
from collections.abc import Sequence

from shared.errors import MalformedAction

_OPEN = re.compile(r"\s*(<{5,})\s*SEARCH\s*")
_DIVIDE = re.compile(r"\s*(={5,})\s*")
_CLOSE = re.compile(r"\s*(>{5,})\s*REPLACE\s*")
_USUAL = 7


def opens(line: str) -> bool:
    """Tell whether a line is the first marker."""
    return _OPEN.fullmatch(line) is not None


def end(lines: Sequence[str]) -> int:
    """Return the index after the last closing marker, or 0 when there is none."""
    return max((n + 1 for n, line in enumerate(lines) if _CLOSE.fullmatch(line)), default=0)


def read(lines: Sequence[str]) -> tuple[Sequence[str], Sequence[str]]:
    """Return the lines to search and the lines to put there.

    Raises MalformedAction when a marker is missing or stands more than once.
    """
    first = next((n for n, line in enumerate(lines) if line.strip()), 0)
    opened = _OPEN.fullmatch(lines[first]) if lines else None
    if opened is None:
        raise MalformedAction('The edit must begin with the line "<<<<<<< SEARCH".')
    width = len(opened[1])
    if any(_width(_OPEN, line) == width for line in lines[first + 1 :]):
        raise MalformedAction("The reply has two SEARCH parts. Send one edit per reply.")
    divider = _only(_DIVIDE, lines, width, "=======")
    closing = _only(_CLOSE, lines, width, ">>>>>>> REPLACE")
    if not first < divider < closing:
        raise MalformedAction("The markers must come in the order SEARCH, =======, REPLACE.")
    if any(line.strip("` ~\r") for line in lines[closing + 1 :]):
        raise MalformedAction("Nothing may stand between the REPLACE marker and the closing fence.")
    return lines[first + 1 : divider], lines[divider + 1 : closing]


def write(search: Sequence[str], replace: Sequence[str]) -> list[str]:
    """Return the marked lines, with markers longer than any in the texts."""
    taken = [
        len(found[1])
        for line in (*search, *replace)
        for marker in (_OPEN, _DIVIDE, _CLOSE)
        if (found := marker.fullmatch(line))
    ]
    width = max([_USUAL, *(n + 1 for n in taken)])
    return ["<" * width + " SEARCH", *search, "=" * width, *replace, ">" * width + " REPLACE"]


def _only(marker: re.Pattern[str], lines: Sequence[str], width: int, sign: str) -> int:
    widths = {n: _width(marker, line) for n, line in enumerate(lines)}
    exact = [n for n, found in widths.items() if found == width]
    found = exact or [n for n, found in widths.items() if found]
    if not found:
        raise MalformedAction(f'The edit has no line "{sign}".')
    if len(found) > 1:
        raise MalformedAction(
            f'The edit has {len(found)} lines "{sign}". Send one SEARCH part and one REPLACE part. '
            "If the file itself has such lines, write all three markers with nine signs."
        )
    return found[0]


def _width(marker: re.Pattern[str], line: str) -> int:
    found = marker.fullmatch(line)
    return len(found[1]) if found else 0
