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
    before = (old / part.file).read_text("utf-8").splitlines(keepends=True)
    after = (new / part.file).read_text("utf-8").splitlines(keepends=True)
    chosen = tuple(_chosen(part, before, after))
    if not chosen:
        raise ValueError(f"{part.file}: no change fits the manifest")
    # From the end, so that line numbers above stay right.
    return tuple(_in_order(part.file, before, tuple(reversed(chosen))))


def applied(change: EditFile, text: str) -> str:
    """Return a text after an edit, whose lines to search occur there once."""
    assert text.count(change.search) == 1, change.search
    return text.replace(change.search, change.replace)


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
    whole = "".join(text)
    while last == first or whole.count("".join(text[first:last])) > 1:
        first, last = max(0, first - 1), min(len(text), last + 1)
    return first, last
