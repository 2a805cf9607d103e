"""Make the digest of a text: its words, where they occur, what it defines and imports."""

from collections import Counter, defaultdict

from agents.context.outline import Outline, outline
from agents.context.words import stems
from shared.sources import Digest, Posting

LARGEST = 200_000  # characters of a file that are looked at
VERSION = 2
"""Raise it when the same text would get another digest."""


def digest(path: str, text: str) -> Digest:
    """Return what is kept of a text; only the suffix of the path matters."""
    body = text[:LARGEST]
    found = outline(path, body)
    counts = Counter[str]()
    places = defaultdict[str, set[int]](set)
    for line, place in zip(body.split("\n"), _places(found, body.count("\n") + 1), strict=True):
        here = stems(line)
        counts.update(here)
        if place >= 0:
            for word in here:
                places[word].add(place)
    defined = Counter(word for symbol in found.symbols for word in stems(symbol.name))
    return Digest(
        length=counts.total(),
        postings={
            word: Posting(count, defined[word], tuple(sorted(places.get(word, ()))))
            for word, count in counts.items()
        },
        symbols=found.symbols,
        imports=found.imports,
    )


def _places(found: Outline, lines: int) -> list[int]:
    """Return for each line the innermost definition in which it stands, or -1."""
    inner = [-1] * lines
    for index, symbol in enumerate(found.symbols):
        last = min(symbol.end, lines)
        inner[symbol.line - 1 : last] = [index] * max(0, last - symbol.line + 1)
    return inner
