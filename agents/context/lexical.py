"""How well files and their definitions answer to the words of an issue.

Files by BM25 over split identifiers, a word in the path or in the name of a definition counting
for several in a body. Definitions by the weight of the different words in them, over the root of
their length: a large file that is about everything loses to one function that is about the issue.
"""

import math
from collections import Counter, defaultdict
from collections.abc import Mapping
from functools import lru_cache
from typing import NamedTuple

from agents.context.clues import Clues
from agents.context.index import Index
from agents.context.words import stems
from shared.sources import Posting, Symbol

_K1, _B = 2.2, 0.75
_PATH_WEIGHT, _DEFINITION_WEIGHT = 10, 3
_SHORT = 20  # lines; how much shorter a definition is hardly matters
_MOST_READ = 80  # best files whose definitions are looked at
_NOTHING = Posting(0, 0, ())


class Passage(NamedTuple):
    """A definition and how well it answers."""

    symbol: Symbol
    score: float


class Found(NamedTuple):
    """A file that answers: by BM25, by its definitions (the best first), and by which words."""

    score: float
    passages: tuple[Passage, ...]
    words: tuple[str, ...]


def search(clues: Clues, files: Mapping[str, str], index: Index) -> dict[str, Found]:
    """Score the files, given as path to blob id, that share a word with the issue."""
    table = _Table(clues, files, index)
    scores = {path: table.bm25(path) for path in table.paths}
    best = sorted(scores, key=lambda path: (-scores[path], path))
    symbols = index.symbols([files[path] for path in best[:_MOST_READ]])
    return {
        path: Found(
            scores[path], table.passages(path, symbols.get(files[path], ())), table.told(path)
        )
        for path in best
    }


class _Table:
    """The occurrences of the issue's words in the files of one commit."""

    def __init__(self, clues: Clues, files: Mapping[str, str], index: Index) -> None:
        self._files, self._asked = files, clues.words
        here = set(files.values())
        self._postings = defaultdict[str, dict[str, Posting]](dict)
        for word, blob, posting in index.hits(clues.words.keys()):
            if blob in here:
                self._postings[blob][word] = posting
        self._paths = {path: _counted(path) for path in files}
        self._used = {
            path: self._postings.get(blob, {}).keys() | (clues.words.keys() & self._paths[path])
            for path, blob in files.items()
        }
        self.paths = [path for path, used in self._used.items() if used]
        lengths = index.lengths()
        self._lengths = {path: lengths.get(blob, 0) for path, blob in files.items()}
        self._mean = sum(self._lengths.values()) / max(1, len(files)) or 1.0
        seen, many = Counter(word for used in self._used.values() for word in used), len(files)
        self._weights = {
            word: clues.words[word] * math.log(1 + (many - n + 0.5) / (n + 0.5))
            for word, n in seen.items()
        }

    def bm25(self, path: str) -> float:
        """Score a file as a whole."""
        postings, names = self._postings.get(self._files[path], {}), self._paths[path]
        norm = _K1 * (1 - _B + _B * self._lengths[path] / self._mean)
        score = 0.0
        for word in sorted(self._used[path]):
            count, defined, _ = postings.get(word, _NOTHING)
            often = count + _DEFINITION_WEIGHT * defined + _PATH_WEIGHT * names.get(word, 0)
            score += self._weights[word] * often * (_K1 + 1) / (often + norm)
        return score

    def passages(self, path: str, symbols: tuple[Symbol, ...]) -> tuple[Passage, ...]:
        """Score a file's definitions; those without a word of the issue are left out."""
        sums = defaultdict[int, float](float)
        for word, posting in sorted(self._postings.get(self._files[path], {}).items()):
            for place in posting.places:
                sums[place] += self._weights[word]
        found = [
            Passage(s, total / math.sqrt(_SHORT + s.end - s.line + 1))
            for place, total in sums.items()
            if place < len(symbols) and (s := symbols[place])
        ]
        return tuple(sorted(found, key=lambda p: (-p.score, p.symbol.line)))

    def told(self, path: str) -> tuple[str, ...]:
        """Return the words that speak for a file, the most telling first."""
        return tuple(sorted(self._used[path], key=lambda word: (-self._weights[word], word)))


@lru_cache(maxsize=20_000)
def _counted(path: str) -> Mapping[str, int]:
    return Counter(stems(path))
