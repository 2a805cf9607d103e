"""How well files and their definitions answer to the words of an issue.

Files by BM25 over split identifiers, a word in the path or in the name of a definition counting
for several in a body. Definitions by the weight of the different words in them, over the root of
their length: a large file that is about everything loses to one function that is about the issue.
"""

import heapq
import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import NamedTuple

from agents.context.clues import Clues
from agents.context.index import Index
from agents.context.words import stems
from shared.sources import Hit, Places, Symbol

_K1, _B = 2.2, 0.75
_PATH_WEIGHT, _DEFINITION_WEIGHT = 10, 3
_SHORT = 20  # lines; how much shorter a definition is hardly matters
_MOST_READ = 80  # best files whose definitions are looked at
_TOLD = 4  # words


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
    table = _Table(clues, files, index.hits(clues.words.keys()), index.lengths())
    scores = {path: table.bm25(path) for path in table.paths}
    best = sorted(scores, key=lambda path: (-scores[path], path))
    rest = {path: Found(scores[path], (), ()) for path in best[_MOST_READ:]}
    best = best[:_MOST_READ]
    blobs = [files[path] for path in best]
    symbols, places = index.symbols(blobs), index.places(clues.words.keys(), blobs)
    return {
        path: Found(
            scores[path],
            table.passages(symbols.get(files[path], ()), places.get(files[path], {})),
            table.told(path),
        )
        for path in best
    } | rest


class _Table:
    """The occurrences of the issue's words in the files of one commit."""

    def __init__(
        self,
        clues: Clues,
        files: Mapping[str, str],
        hits: Iterable[Hit],
        lengths: Mapping[str, int],
    ) -> None:
        postings: dict[str, dict[str, int]] = {blob: {} for blob in files.values()}
        for word, blob, times, defined in hits:
            if blob in postings:
                postings[blob][word] = times + _DEFINITION_WEIGHT * defined
        self._often = {path: _with_path(path, postings[b], clues) for path, b in files.items()}
        self.paths = [path for path, often in self._often.items() if often]
        self._lengths = {path: lengths.get(blob, 0) for path, blob in files.items()}
        self._mean = sum(self._lengths.values()) / max(1, len(files)) or 1.0
        seen, many = Counter[str](), len(files)
        for often in self._often.values():
            seen.update(often.keys())
        self._weights = {
            word: clues.words[word] * math.log(1 + (many - n + 0.5) / (n + 0.5))
            for word, n in sorted(seen.items())
        }

    def bm25(self, path: str) -> float:
        """Score a file as a whole."""
        norm, weights = _K1 * (1 - _B + _B * self._lengths[path] / self._mean), self._weights
        # Exact, because the order of the sum is that of whoever gave the words.
        return math.fsum(
            weights[word] * often * (_K1 + 1) / (often + norm)
            for word, often in self._often[path].items()
        )

    def passages(self, symbols: tuple[Symbol, ...], places: Places) -> tuple[Passage, ...]:
        """Score a file's definitions; those without a word of the issue are left out."""
        sums = defaultdict[int, float](float)
        for word, indexes in sorted(places.items()):
            for place in indexes:
                sums[place] += self._weights.get(word, 0.0)
        found = [
            Passage(s, total / math.sqrt(_SHORT + s.end - s.line + 1))
            for place, total in sums.items()
            if place < len(symbols) and (s := symbols[place])
        ]
        return tuple(sorted(found, key=lambda p: (-p.score, p.symbol.line)))

    def told(self, path: str) -> tuple[str, ...]:
        """Return the words that speak most for a file."""
        used, weights = self._often[path], self._weights
        return tuple(heapq.nsmallest(_TOLD, used, key=lambda word: (-weights[word], word)))


def _with_path(path: str, words: Mapping[str, int], clues: Clues) -> Mapping[str, int]:
    named = _counted(path)
    shared = clues.words.keys() & named.keys()
    if not shared:
        return words
    return {**words, **{w: words.get(w, 0) + _PATH_WEIGHT * named[w] for w in shared}}


@lru_cache(maxsize=20_000)
def _counted(path: str) -> Mapping[str, int]:
    return Counter(stems(path))
