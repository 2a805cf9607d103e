"""Which files an issue is about, and a compact excerpt of them. Pure: texts come from a callable.

The ranking is BM25 (k1 1.2, b 0.75, the usual values) over split identifiers, where a word in the
path or in the name of a definition weighs more than one in a body.
"""

import math
import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence

from shared.domain import Value

Read = Callable[[str], str | None]
"""Returns a file's text, or None when it is not text or too large."""

_K1, _B = 1.2, 0.75
_PATH_WEIGHT, _DEFINITION_WEIGHT, _NAMED_BONUS = 4, 3, 10.0
_LARGEST = 200_000  # characters of a file that are looked at
_AROUND = (4, 1, 0)  # lines shown on both sides of a line that matters, as there is room
_WORD = re.compile(r"[A-Za-z_][A-Za-z0-9_]*|[^\W\d_a-zA-Z]+")
_HUMP = re.compile(r"[A-Z]+(?=[A-Z][a-z])|[A-Z]?[a-z]+|[A-Z]+|\d+|[^\W\d_a-zA-Z]+")
_DEFINITION = re.compile(
    r"^[^\S\n]*(?:export\s+|pub\s+|public\s+|async\s+)*(?:def|class|function|func|fn|interface|struct)"
    r"\s+(\w+)",
    re.MULTILINE,
)
_OVERHEAD = 5  # characters of a mark such as "--- " or "..." and its newline
_COMMON = frozenset(
    "a an and are as at be but by can do does for from has have if in is it its not of on or so "  # noqa: SIM905 - a list of forty words reads worse
    "that the then there this to was when which will with you should would".split()
)


class Ranked(Value):
    """A file and how well it answers to the issue; higher is better."""

    path: str
    score: float


def rank(query: str, files: Iterable[str], read: Read) -> tuple[Ranked, ...]:
    """Order the files that share a word with the query, the best first."""
    bags = {path: _bag(path, read(path)) for path in files}
    wanted = set(words(query))
    length = sum(bag.total() for bag in bags.values()) / max(1, len(bags)) or 1.0
    seen = Counter(word for bag in bags.values() for word in wanted & bag.keys())
    weights = {w: math.log(1 + (len(bags) - n + 0.5) / (n + 0.5)) for w, n in seen.items()}
    ranked = [
        Ranked(path=path, score=round(_bm25(bag, weights, length) + _named(path, query), 6))
        for path, bag in bags.items()
    ]
    return tuple(sorted((r for r in ranked if r.score > 0), key=lambda r: (-r.score, r.path)))


def excerpt(query: str, files: Sequence[str], read: Read, *, budget: int) -> str:
    """Show the parts of the best files that answer to the query, within a number of characters."""
    wanted, parts, room = set(words(query)), list[str](), budget
    best = [ranked.path for ranked in rank(query, files, read)]
    for number, path in enumerate(best):
        share = max(room // 2, room // (len(best) - number))  # the best file may take half
        shown = _shown(path, read(path) or "", wanted, share)
        if shown and len(shown) + 2 <= room:
            parts.append(shown)
            room -= len(shown) + 2
    return "\n\n".join(parts)


def words(text: str) -> list[str]:
    """Split a text into lower-case words, identifiers also into their parts."""
    found: list[str] = []
    for word in _WORD.findall(text):
        parts = [part.casefold() for part in _HUMP.findall(word)]
        found += parts if len(parts) == 1 else [word.casefold(), *parts]
    return [word for word in found if word not in _COMMON]


def _bag(path: str, text: str | None) -> Counter[str]:
    body = (text or "")[:_LARGEST]
    bag = Counter(words(body))
    for word in words(path):
        bag[word] += _PATH_WEIGHT
    for name in _DEFINITION.findall(body):
        for word in words(name):
            bag[word] += _DEFINITION_WEIGHT
    return bag


def _bm25(bag: Counter[str], weights: Mapping[str, float], length: float) -> float:
    norm = _K1 * (1 - _B + _B * bag.total() / length)
    return sum(
        weight * bag[word] * (_K1 + 1) / (bag[word] + norm)
        for word, weight in weights.items()
        if bag[word]
    )


def _named(path: str, query: str) -> float:
    named = re.search(rf"(?<![\w/.-]){re.escape(path)}(?![\w/])", query)
    return _NAMED_BONUS if named else 0.0


def _shown(path: str, text: str, wanted: set[str], room: int) -> str:
    lines = text[:_LARGEST].split("\n")
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
