"""Find the line of a key in a TOML text, since tomllib keeps no positions.

The scan understands plain tables with one key a line. Where a text is written in another
way it gives no line rather than a wrong one.
"""

import re
from collections.abc import Iterator, Mapping

_HEADER = re.compile(r"\s*(?P<open>\[{1,2})\s*(?P<name>[^\[\]]+?)\s*\]{1,2}\s*(?:#.*)?")
_MULTI_LINE = re.compile(r'"""|\'\'\'')

Section = tuple[str, int | None]


def line_of(text: str, raw: object, place: tuple[str | int, ...]) -> int | None:
    """Return the line, from 1, of a key or else of its table; None when that is not certain."""
    if _MULTI_LINE.search(text) or not isinstance(raw, Mapping) or not place:
        return None
    sections = dict(_sections(text))
    if not all(_exists(raw, name, number) for name, number in sections if name):
        return None
    head, *rest = place
    if not rest:
        return _line_of_key(sections.get(("", None)), str(head))
    number = rest[0] if isinstance(rest[0], int) else None
    section = sections.get((str(head), number))
    key = rest[-1]
    found = _line_of_key(section, key) if isinstance(key, str) else None
    return found or (section[0][0] if section else None)


def _sections(text: str) -> Iterator[tuple[Section, list[tuple[int, str]]]]:
    counts: dict[str, int] = {}
    name: Section = ("", None)
    lines: list[tuple[int, str]] = []
    for number, line in enumerate(text.splitlines(), start=1):
        header = _HEADER.fullmatch(line)
        if header:
            yield name, lines
            title = header["name"]
            counts[title] = counts.get(title, -1) + 1
            name, lines = (title, counts[title] if header["open"] == "[[" else None), []
        lines.append((number, line))
    yield name, lines


def _exists(raw: Mapping[str, object], name: str, number: int | None) -> bool:
    """Tell whether a header of the scan is a table of the document, not a row of some list."""
    table = raw.get(name)
    if number is None:
        return isinstance(table, Mapping)
    return isinstance(table, list) and number < len(table)


def _line_of_key(section: list[tuple[int, str]] | None, key: str) -> int | None:
    pattern = re.compile(rf'\s*(?:{re.escape(key)}|"{re.escape(key)}")\s*=')
    found = [number for number, line in section or () if pattern.match(line)]
    return found[0] if len(found) == 1 else None
