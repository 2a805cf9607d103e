"""A compact excerpt of files: the lines that share words with an issue, and those around them."""

from collections.abc import Callable, Sequence

from agents.context.digest import LARGEST
from agents.context.words import words

Read = Callable[[str], str | None]
"""Returns a file's text, or None when it is not text or too large."""

_AROUND = (4, 1, 0)  # lines shown on both sides of a line that matters, as there is room
_OVERHEAD = 5  # characters of a mark such as "--- " or "..." and its newline


def excerpt(query: str, files: Sequence[str], read: Read, *, budget: int) -> str:
    """Show the parts of files, the best first, that answer to the query, within characters."""
    wanted, parts, room = set(words(query)), list[str](), budget
    for number, path in enumerate(files):
        share = max(room // 2, room // (len(files) - number))  # the best file may take half
        shown = _shown(path, read(path) or "", wanted, share)
        if shown and len(shown) + 2 <= room:
            parts.append(shown)
            room -= len(shown) + 2
    return "\n\n".join(parts)


def _shown(path: str, text: str, wanted: set[str], room: int) -> str:
    lines = text[:LARGEST].split("\n")
    whole = "\n".join([f"--- {path}", *lines]).rstrip()
    if len(whole) <= room:
        return whole
    kept = _worth_showing(lines, wanted, room - len(path) - _OVERHEAD)
    return f"--- {path}\n{_gapped(lines, kept)}" if kept else ""


def _worth_showing(lines: Sequence[str], wanted: set[str], room: int) -> list[int]:
    """Choose the lines with the most wanted words, and those around them."""
    scores = [len(wanted & set(words(line))) for line in lines]
    kept: set[int] = set()
    for best in sorted(range(len(lines)), key=lambda n: (-scores[n], n)):
        if scores[best] == 0:
            break
        for around in _AROUND:
            near = range(max(0, best - around), min(len(lines), best + around + 1))
            cost = sum(len(lines[n]) + 1 for n in near if n not in kept) + 2 * _OVERHEAD
            if cost <= room:
                kept |= set(near)
                room -= cost
                break
        else:
            break
    return sorted(kept)


def _gapped(lines: Sequence[str], kept: Sequence[int]) -> str:
    shown: list[str] = []
    for previous, number in zip([-1, *kept], kept, strict=False):
        if number != previous + 1:
            shown.append("...")
        shown.append(lines[number])
    return "\n".join(shown)
