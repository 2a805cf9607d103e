"""Search and replace of whole lines: exact first, then the same text with other whitespace.

Never a guess: a text that occurs twice, or only nearly, is refused with what the file holds.
Lines keep their own ending, and the file keeps its final newline or the lack of it.
"""

import re
from collections.abc import Callable, Sequence
from typing import NamedTuple

_SHOWN_LINES = 12
_COMPARED_LINES = 40
_SEARCHED_LINES = 20_000
_SHOWN_PLACES = 10
_TOKEN = re.compile(r"\w+|[^\w\s]")
_NUMBERED = re.compile(r"\s*\d+\s?[|:]")


class EditRefused(Exception):
    """An edit that does not fit the file; the message tells the model what to do."""


class Edited(NamedTuple):
    """A file's new text, and whether whitespace had to be overlooked to find the place."""

    text: str
    exact: bool


def replace_lines(text: str, search: str, replace: str) -> Edited:
    r"""Replace the one place in a text where the searched lines stand.

    ``search`` and ``replace`` end each line with ``\n``. Raises EditRefused.
    """
    lines, ends_open = _split(text)
    wanted, new = _logical(search), _logical(replace)
    if not wanted:
        if text.strip():
            raise EditRefused("The SEARCH part is empty. Copy the lines to replace from the file.")
        return Edited("".join(f"{line}\n" for line in new), exact=True)
    if wanted == new:
        raise EditRefused("SEARCH and REPLACE are the same; nothing would change.")
    bare = [line.removesuffix("\r") for line in lines]
    start = _only_place(bare, wanted, str)
    if start is not None:
        return Edited(_spliced(lines, start, len(wanted), new, ends_open=ends_open), exact=True)
    wanted, new = _without_blank_ends(wanted, new)
    found = _tolerant(bare, wanted, new)
    if found is None:
        raise EditRefused(_not_found(bare, wanted))
    start, shifted = found
    return Edited(_spliced(lines, start, len(wanted), shifted, ends_open=ends_open), exact=False)


def _split(text: str) -> tuple[list[str], bool]:
    lines = text.split("\n")
    if lines[-1] == "":
        lines.pop()
        return lines, False
    return lines, True


def _logical(text: str) -> list[str]:
    lines, _ = _split(text)
    return [line.removesuffix("\r") for line in lines]


def _spliced(
    lines: Sequence[str], start: int, length: int, new: Sequence[str], *, ends_open: bool
) -> str:
    at_the_end = start + length == len(lines)
    # A last line without a newline does not tell how the others end.
    told_by = start - 1 if ends_open and start == len(lines) - 1 else start
    carriage = "\r" if told_by >= 0 and lines[told_by].endswith("\r") else ""
    result = [*lines[:start], *(line + carriage for line in new), *lines[start + length :]]
    if not result:
        return ""
    text = "\n".join(result)
    if not ends_open:
        return text + "\n"
    return text.removesuffix("\r") if at_the_end else text


def _only_place(
    lines: Sequence[str], wanted: Sequence[str], form: Callable[[str], str]
) -> int | None:
    haystack, needle = [form(line) for line in lines], [form(line) for line in wanted]
    places = [
        n
        for n in range(len(haystack) - len(needle) + 1)
        if haystack[n] == needle[0] and haystack[n : n + len(needle)] == needle
    ]
    if len(places) > 1:
        shown = ", ".join(str(n + 1) for n in places[:_SHOWN_PLACES])
        more = " and more" if len(places) > _SHOWN_PLACES else ""
        raise EditRefused(
            f"The SEARCH text occurs {len(places)} times, from lines {shown}{more}. "
            "Add lines before or after it until only one place fits."
        )
    return places[0] if places else None


def _without_blank_ends(wanted: Sequence[str], new: Sequence[str]) -> tuple[list[str], list[str]]:
    search, replace = list(wanted), list(new)
    for end in (0, -1):
        while len(search) > 1 and not search[end].strip():
            search.pop(end)
            if replace and not replace[end].strip():
                replace.pop(end)
    return search, replace


def _tolerant(
    lines: Sequence[str], wanted: Sequence[str], new: Sequence[str]
) -> tuple[int, Sequence[str]] | None:
    if not any(line.strip() for line in wanted):
        return None
    start = _only_place(lines, wanted, str.rstrip)
    if start is not None:
        return start, new
    start = _only_place(lines, wanted, str.strip)
    if start is None:
        return None
    shifted = _shifted(lines[start : start + len(wanted)], wanted, new)
    return None if shifted is None else (start, shifted)


def _shifted(
    found: Sequence[str], wanted: Sequence[str], new: Sequence[str]
) -> Sequence[str] | None:
    """Indent the new lines, when all searched lines are off by one same indentation."""
    pairs = [(_indent(a), _indent(b)) for a, b in zip(found, wanted, strict=True) if a.strip()]
    deeper = {a.removesuffix(b) if a.endswith(b) else None for a, b in pairs}
    if len(deeper) == 1 and (extra := deeper.pop()) is not None:
        return [f"{extra}{line}" if line.strip() else line for line in new]
    shallower = {b.removesuffix(a) if b.endswith(a) else None for a, b in pairs}
    surplus = shallower.pop() if len(shallower) == 1 else None
    if surplus is None or any(line.strip() and not line.startswith(surplus) for line in new):
        return None
    return [line.removeprefix(surplus) for line in new]


def _indent(line: str) -> str:
    return line[: len(line) - len(line.lstrip())]


def _not_found(lines: Sequence[str], wanted: Sequence[str]) -> str:
    said = [line for line in wanted if line.strip()]
    if said and all(_NUMBERED.match(line) for line in said):
        return "The SEARCH text has line numbers. Copy the lines without them."
    start = _nearest(lines, wanted)
    if start is None:
        return "The SEARCH text is not in the file, nor anything like it. View the file first."
    shown = lines[start : start + min(len(wanted) + 2, _SHOWN_LINES)]
    numbered = "\n".join(f"{start + n:6}| {line}" for n, line in enumerate(shown, 1))
    return (
        "The SEARCH text is not in the file. The nearest lines are:\n"
        f"{numbered}\nCopy them exactly, without the line numbers."
    )


def _nearest(lines: Sequence[str], wanted: Sequence[str]) -> int | None:
    needles = [frozenset(_TOKEN.findall(line)) for line in wanted[:_COMPARED_LINES]]
    bags = [frozenset(_TOKEN.findall(line)) for line in lines[:_SEARCHED_LINES]]
    best, best_score = None, 0.0
    for start in range(len(bags)):
        near = zip(bags[start : start + len(needles)], needles, strict=False)
        score = sum(len(a & b) / len(a | b) for a, b in near if a & b)
        if score > best_score:
            best, best_score = start, score
    return best
