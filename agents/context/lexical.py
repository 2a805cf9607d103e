"""How well files and their definitions answer to the words of an issue.

Files by BM25 over split identifiers, a word in the path or in the name of a definition counting
for several in a body. Definitions by the weight of the different words in them, over the root of
their length: a large file that is about everything loses to one function that is about the issue.
"""

import itertools
import math
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from typing import NamedTuple

from agents.context.clues import Clues
from agents.context.index import Index
from agents.context.words import stems
from shared.sources import Contents, Hits, Known, Symbol, keyed

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
    """A file that answers: by its definitions (the best first), and by which words."""

    passages: tuple[Passage, ...]
    words: tuple[str, ...]


class Answers(NamedTuple):
    """The BM25 of every file in their order, 0 without a word, and more about the best files."""

    scores: Sequence[float]
    best: Mapping[str, Found]


def search(
    clues: Clues, code: Mapping[str, str], tests: Mapping[str, str], index: Index
) -> tuple[Answers, Answers]:
    """Score code and tests, each given as path to blob id, each among its own kind."""
    files, border = [*code.items(), *tests.items()], len(code)
    table = _Table(clues, files, border, index)
    return (
        _answers(table, table.code, files, range(1, border + 1), index),
        _answers(table, table.tests, files, range(border + 1, len(files) + 1), index),
    )


def _answers(
    table: "_Table",
    weights: Mapping[str, float],
    files: Sequence[tuple[str, str]],
    places: range,
    index: Index,
) -> Answers:
    scores = table.scores
    order = sorted(places, key=scores.__getitem__, reverse=True)
    # Equal scores go by the path, so those of the last one are all looked at.
    least = scores[order[:_MOST_READ][-1]] if order else 0.0
    likely = (n for n in order if scores[n] and scores[n] >= least)
    best = sorted((-scores[n], *files[n - 1], n) for n in likely)[:_MOST_READ]
    contents = index.contents([blob for _, _, blob, _ in best])
    keys = keyed(weights)
    told = table.told([n for *_, n in best], weights)
    return Answers(
        scores[places.start : places.stop],
        {
            path: Found(
                _passages(contents[blob], keys, weights) if blob in contents else (), tuple(told[n])
            )
            for _, path, blob, n in best
        },
    )


class _Table:
    """The occurrences of the issue's words in the files of one commit, these by places from 1 on.

    There are a hundred thousand, so what can be done without a step of Python for each is done so.
    ``code`` and ``tests`` are how much each word says about a file among its kind.
    """

    def __init__(
        self, clues: Clues, files: Sequence[tuple[str, str]], border: int, index: Index
    ) -> None:
        hits, known = index.hits(clues.words.keys()), index.known()
        lengths = [known.lengths.get(blob, 0) for _, blob in files]
        norms = [0.0, *_norms(lengths[:border]), *_norms(lengths[border:])]
        self.code, self.tests = dict[str, float](), dict[str, float]()
        self.scores = [0.0] * len(norms)
        self._places = dict[str, Collection[int]]()
        # In one order, because sums of floats depend on it.
        for word, places, often in _occurrences(files, hits, known):
            in_tests, weight = sum(map(border.__lt__, places)), clues.words[word]
            self._places[word] = places
            self.code[word] = weight * _idf(border, len(places) - in_tests)
            self.tests[word] = weight * _idf(len(files) - border, in_tests)
            self._score(word, zip(places, often, strict=True), border, norms)

    def _score(
        self,
        word: str,
        occurrences: Iterable[tuple[int, int]],
        border: int,
        norms: Sequence[float],
    ) -> None:
        scores = self.scores
        code, tests = self.code[word] * (_K1 + 1), self.tests[word] * (_K1 + 1)
        for place, times in occurrences:
            most = code if place <= border else tests
            scores[place] += most * times / (times + norms[place])

    def told(
        self, places: Collection[int], weights: Mapping[str, float]
    ) -> Mapping[int, Sequence[str]]:
        """Return for some files the words that speak most for each."""
        found, waiting = {place: list[str]() for place in places}, set(places)
        for word in sorted(weights, key=lambda word: (-weights[word], word)):
            for place in waiting.intersection(self._places[word]):
                found[place].append(word)
                if len(found[place]) == _TOLD:
                    waiting.discard(place)
        return found


def _norms(lengths: Sequence[int]) -> list[float]:
    """Return how much the length of each file takes from what it says."""
    mean = sum(lengths) / max(1, len(lengths)) or 1.0
    return [_K1 * (1 - _B + _B * length / mean) for length in lengths]


def _idf(many: int, among: int) -> float:
    return math.log(1 + (many - among + 0.5) / (among + 0.5))


def _passages(
    contents: Contents, keys: Mapping[int, str], weights: Mapping[str, float]
) -> tuple[Passage, ...]:
    """Score a file's best definitions; those without a word of the issue are left out."""
    sums = [0.0] * len(contents.lines)
    for word, indexes in contents.places(keys):
        weight = weights[word]
        for place in indexes:
            sums[place] += weight
    lines, ends = contents.lines, contents.ends
    found = [
        (-sums[n] / math.sqrt(_SHORT + ends[n] - lines[n] + 1), lines[n], n)
        for n in itertools.compress(range(len(sums)), sums)
    ]
    best = sorted(found)[:_PASSAGES]
    return tuple(Passage(contents.symbol(place), -score) for score, _, place in best)


def _occurrences(
    files: Sequence[tuple[str, str]], hits: Mapping[str, Hits], known: Known
) -> Iterator[tuple[str, Collection[int], Collection[int]]]:
    """Yield each word with its places and how often it is there; paths and names weigh more."""
    first, twins = dict[int, int](), defaultdict[int, list[int]](list)
    for place, text in enumerate(map(known.numbers.get, (blob for _, blob in files)), 1):
        if text is not None and first.setdefault(text, place) != place:
            twins[first[text]].append(place)
    named = _named(tuple(path for path, _ in files))
    for word, hit in sorted(hits.items()):
        places, often = _placed(hit, first)
        in_paths = named.get(word, {})
        if in_paths or not twins.keys().isdisjoint(places):
            counts = dict(zip(places, often, strict=True))
            for one in counts.keys() & twins.keys():
                counts |= dict.fromkeys(twins[one], counts[one])
            counts |= {place: counts.get(place, 0) + more for place, more in in_paths.items()}
            places, often = counts.keys(), counts.values()
        if places:
            yield word, places, often


def _placed(hit: Hits, first: Mapping[int, int]) -> tuple[Collection[int], Collection[int]]:
    """Return the places of a word's texts, and its weighed occurrences in each."""
    found = list(map(first.get, hit.texts))  # None for a text of other commits
    places, often, names = list(filter(None, found)), list(hit.times), hit.defined
    if len(places) < len(found):
        often = list(itertools.compress(often, found))
        names = list(itertools.compress(names, found))
    for at in itertools.compress(range(len(names)), names):
        often[at] += _DEFINITION_WEIGHT * names[at]
    return places, often


@lru_cache(maxsize=8)
def _named(paths: tuple[str, ...]) -> Mapping[str, Mapping[int, int]]:
    """Return the words of paths, each with the places of the paths and how much it weighs there."""
    found = defaultdict[str, dict[int, int]](dict)
    for place, path in enumerate(paths, 1):
        for word, times in Counter(stems(path)).items():
            found[word][place] = _PATH_WEIGHT * times
    return found
