"""Turn what a release changed into the edits that a model would write."""

from collections.abc import Iterator
from difflib import SequenceMatcher
from pathlib import Path
from typing import NamedTuple

from benchmarks.real_issues.manifest import Part
from shared.workspace.actions import EditFile


class Hunk(NamedTuple):
    """Lines ``first`` to ``last`` of the old file, from 0, end excluded, and what replaces them."""

    first: int
    last: int
    lines: tuple[str, ...]


def edits(part: Part, old: Path, new: Path) -> tuple[EditFile, ...]:
    """Return the edits which bring the wanted part of a change into the old release, in order.

    Raises ValueError when nothing of the change is wanted.
    """
    before, after = ((folder / part.file).read_text("utf-8") for folder in (old, new))
    return edits_between(part, before.splitlines(keepends=True), after.splitlines(keepends=True))


def edits_between(part: Part, before: list[str], after: list[str]) -> tuple[EditFile, ...]:
    """Do the same for the lines of a file, each with its end."""
    chosen = tuple(_chosen(part, before, after))
    if not chosen or not before:
        raise ValueError(f"{part.file}: no change fits the manifest")
    # From the end, so that line numbers above stay right.
    return tuple(_in_order(part.file, before, tuple(reversed(chosen))))


def applied(change: EditFile, text: str) -> str:
    """Return a text after an edit, whose lines to search must occur there once."""
    lines, wanted = (whole.splitlines(keepends=True) for whole in (text, change.search))
    (place,) = _places(lines, wanted)
    return "".join((*lines[:place], change.replace, *lines[place + len(wanted) :]))


def _chosen(part: Part, before: list[str], after: list[str]) -> Iterator[Hunk]:
    matcher = SequenceMatcher(None, before, after, autojunk=False)
    for tag, first, last, start, end in matcher.get_opcodes():
        lines = after[start:end]
        wanted = not part.hunks or any(text in line for text in part.hunks for line in lines)
        if tag == "equal" or not wanted:
            continue
        if part.lines:
            lines = [line for line in lines if any(text in line for text in part.lines)]
        if lines or not part.lines:
            yield Hunk(first, last, tuple(lines))


def _in_order(file: str, before: list[str], hunks: tuple[Hunk, ...]) -> Iterator[EditFile]:
    text = list(before)
    for hunk in hunks:
        first, last = _context(text, hunk.first, hunk.last)
        lines = [*text[first : hunk.first], *hunk.lines, *text[hunk.last : last]]
        yield EditFile(path=file, search="".join(text[first:last]), replace="".join(lines))
        text[hunk.first : hunk.last] = hunk.lines


def _context(text: list[str], first: int, last: int) -> tuple[int, int]:
    """Widen a range of lines until it occurs only once."""
    while first == last or len(_places(text, text[first:last])) > 1:
        first, last = max(0, first - 1), min(len(text), last + 1)
    return first, last


def _places(text: list[str], wanted: list[str]) -> list[int]:
    """Return the line numbers at which a sequence of lines occurs."""
    return [n for n in range(len(text)) if text[n : n + len(wanted)] == wanted]
