"""How well files and their definitions answer to the words of an issue.

Files by BM25 over split identifiers, a word in the path or in the name of a definition counting
for several in a body. Definitions by the weight of the different words in them, over the root of
their length: a large file that is about everything loses to one function that is about the issue.
"""

import heapq
import itertools
import math
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import NamedTuple, cast

from agents.context.clues import Clues
from agents.context.index import Index
from agents.context.words import stems
from shared.sources import Hits, Known, Places, Symbol

_K1, _B = 2.2, 0.75
_PATH_WEIGHT, _DEFINITION_WEIGHT = 10, 3
_SHORT = 20  # lines; how much shorter a definition is hardly matters
_MOST_READ = 80  # best files whose definitions are looked at
_TOLD = 4  # words
_PASSAGES = 5  # of a file


class Passage(NamedTuple):
    """A definition and how well it answers."""

    symbol: Symbol
    score: float


class Found(NamedTuple):
    """A file that answers: by BM25, by its definitions (the best first), and by which words.

    Only the best files tell definitions and words.
    """

    score: float
    passages: tuple[Passage, ...]
    words: tuple[str, ...]


def search(clues: Clues, files: Mapping[str, str], index: Index) -> dict[str, Found]:
    """Score the files, given as path to blob id, that share a word with the issue."""
    table = _Table(clues, files, index.hits(clues.words.keys()), index.known())
    scores = {path: score for path, score in zip(files, table.scores, strict=True) if score}
    best = sorted(scores, key=lambda path: (-scores[path], path))
    rest = {path: Found(scores[path], (), ()) for path in best[_MOST_READ:]}
    best = best[:_MOST_READ]
    blobs = [files[path] for path in best]
    symbols, places = index.symbols(blobs), index.places(clues.words.keys(), blobs)
    at = {path: number for number, path in enumerate(files)}
    return {
        path: Found(
            scores[path],
            table.passages(symbols.get(files[path], ()), places.get(files[path], {})),
            table.told(at[path]),
        )
        for path in best
    } | rest


class _Table:
    """The occurrences of the issue's words in the files of one commit, these by their places."""

    def __init__(
        self,
        clues: Clues,
        files: Mapping[str, str],
        hits: Mapping[str, Hits],
        known: Mapping[str, Known],
    ) -> None:
        many, lengths = len(files), [k.length if (k := known.get(b)) else 0 for b in files.values()]
        mean = sum(lengths) / max(1, many) or 1.0
        norms = [_K1 * (1 - _B + _B * length / mean) for length in lengths]
        self._weights = dict[str, float]()
        self._often = dict[str, Mapping[int, int]]()
        self.scores = [0.0] * many
        # In one order, because sums of floats depend on it.
        for word, often in sorted(_occurrences(clues, files, hits, known).items()):
            idf = math.log(1 + (many - len(often) + 0.5) / (len(often) + 0.5))
            self._weights[word], self._often[word] = clues.words[word] * idf, often
            most = self._weights[word] * (_K1 + 1)
            for place, times in often.items():
                self.scores[place] += most * times / (times + norms[place])
        self._telling = sorted(self._often, key=lambda word: (-self._weights[word], word))

    def passages(self, symbols: Sequence[Symbol], places: Places) -> tuple[Passage, ...]:
        """Score a file's best definitions; those without a word of the issue are left out."""
        sums = defaultdict[int, float](float)
        for word, indexes in sorted(places.items()):
            weight = self._weights.get(word, 0.0)
            for place in indexes:
                sums[place] += weight
        found = [
            (-total / math.sqrt(_SHORT + symbol.end - symbol.line + 1), symbol.line, place)
            for place, total in sums.items()
            if place < len(symbols) and (symbol := symbols[place])
        ]
        best = heapq.nsmallest(_PASSAGES, found)
        return tuple(Passage(symbols[place], -score) for score, _, place in best)

    def told(self, place: int) -> tuple[str, ...]:
        """Return the words that speak most for a file."""
        said = (word for word in self._telling if place in self._often[word])
        return tuple(itertools.islice(said, _TOLD))


def _occurrences(
    clues: Clues,
    files: Mapping[str, str],
    hits: Mapping[str, Hits],
    known: Mapping[str, Known],
) -> dict[str, dict[int, int]]:
    """Count each word by the place of the file; its path and its definitions weigh more."""
    first, twins, asked = dict[int, int](), list[tuple[int, int]](), clues.words.keys()
    for place, blob in enumerate(files.values()):
        if blob in known:
            one = first.setdefault(known[blob].number, place)
            twins += [(one, place)] if one != place else []
    found = {word: _placed(hit, first) for word, hit in hits.items()}
    for often in found.values():
        often |= {other: often[one] for one, other in twins if one in often}
    for place, path in enumerate(files):
        named = _counted(path)
        if not asked.isdisjoint(named):
            for word in asked & named.keys():
                found[word][place] = found[word].get(place, 0) + _PATH_WEIGHT * named[word]
    return {word: often for word, often in found.items() if often}


def _placed(hit: Hits, first: Mapping[int, int]) -> dict[int, int]:
    """Weigh a word by the places of the texts, without a step of Python for each text."""
    placed: dict[int | None, int] = dict(zip(map(first.get, hit.texts), hit.times, strict=True))
    placed.pop(None, None)
    often = cast("dict[int, int]", placed)
    named = itertools.compress(hit.texts, hit.defined)
    for text, times in zip(named, filter(None, hit.defined), strict=True):
        if text in first:
            often[first[text]] += _DEFINITION_WEIGHT * times
    return often


@lru_cache(maxsize=20_000)
def _counted(path: str) -> Mapping[str, int]:
    return Counter(stems(path))
