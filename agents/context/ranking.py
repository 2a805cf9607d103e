"""Order the files of a repository by how likely an issue is about them, with reasons.

The weights were chosen on SWE-bench instances of pylint, xarray, sphinx and seaborn, by coordinate
ascent; ``benchmarks/localisation.py`` measures on other repositories. The weight of a whole path
is a rule, not a measurement.
"""

import itertools
import math
import re
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from functools import lru_cache
from typing import NamedTuple

from agents.context.clues import Clues, Frame
from agents.context.index import Index
from agents.context.lexical import Answers, Found
from agents.context.words import stems
from shared.domain import Value
from shared.sources import Change, Symbol

_PASSAGE, _NAMED, _PATH, _FRAME, _PAST = 1.5, 0.05, 0.4, 0.8, 0.3  # beside 1 for BM25
_WHOLE_PATH = 2.0  # whoever names a file is believed
_PACKAGE_FILE = 0.1  # taken from a file that mostly gathers names
_ASIDE = 0.7  # factor of what stands beside the code: examples, docs, tools
_BESIDE = re.compile(
    r"(?:docs?|examples?|bench(?:marks?)?|asv_bench|utils|ci|scripts?|tools|extras?)/|setup\.py$"
)
_WIDE = 20  # files; a commit that touches more says nothing about one of them
_MOST = 200  # files that are worth telling
_DIGITS = 6  # of a score
_ROUNDING = 10.0**-_DIGITS
_MOST_OWNERS = 10  # a name that more files define tells little


class Ranked(Value):
    """A file and how well it answers to the issue; higher is better."""

    path: str
    score: float
    reasons: tuple[str, ...] = ()
    symbols: tuple[Symbol, ...] = ()


class _Signal(NamedTuple):
    """Something that speaks for a file, with the sentence for it."""

    score: float
    reason: str = ""


def ranked(
    clues: Clues,
    files: Mapping[str, str],
    found: Answers,
    index: Index,
    changes: Sequence[Change] = (),
) -> tuple[Ranked, ...]:
    """Order the files (path to blob id) that anything speaks for, the best first.

    ``found`` is what the search for words found in them, ``changes`` are the commits before, the
    latest first.
    """
    best = max(found.scores, default=0.0) or 1.0
    passages = {path: one.passages[0].score for path, one in found.best.items() if one.passages}
    top = max(passages.values(), default=0.0) or 1.0
    signals = (
        {path: _Signal(_PASSAGE * score / top) for path, score in passages.items()},
        _named(clues, files, index),
        _mentioned(clues.paths, files),
        _traced(clues.frames, files),
        _past(clues, files, changes),
    )
    scores = dict(zip(files, (score / best for score in found.scores), strict=True))
    return tuple(_told(path, score, signals, found.best) for path, score in _best(scores, signals))


def _best(
    scores: dict[str, float], signals: Sequence[Mapping[str, _Signal]]
) -> list[tuple[str, float]]:
    """Return the best files with their scores, all signals added."""
    for signal in signals:
        for path, (score, _) in signal.items():
            scores[path] += score
    for path, (less, factor) in _odd(tuple(scores)).items():
        scores[path] = (scores[path] - less) * factor
    order = sorted(scores.values(), reverse=True)[:_MOST]
    least = max(order[-1] if order else 0.0, 0.0) - _ROUNDING
    likely = ((path, round(score, _DIGITS)) for path, score in scores.items() if score >= least)
    found = sorted((-score, path) for path, score in likely if score > 0)
    return [(path, -score) for score, path in found[:_MOST]]


@lru_cache(maxsize=8)
def _odd(paths: tuple[str, ...]) -> Mapping[str, tuple[float, float]]:
    """Return the files that count for less: what is taken off, and the factor for the rest."""
    rules = (
        (
            path,
            _PACKAGE_FILE if path.endswith(("__init__.py", "/index.js", "/index.ts")) else 0.0,
            _ASIDE if _BESIDE.match(path) else 1.0,
        )
        for path in paths
    )
    return {path: (less, factor) for path, less, factor in rules if less or factor != 1}


def _told(
    path: str, score: float, signals: Sequence[Mapping[str, _Signal]], found: Mapping[str, Found]
) -> Ranked:
    reasons = [signal[path].reason for signal in signals if path in signal]
    if path in found:
        reasons.insert(0, _worded(found[path]))
    passages = found[path].passages if path in found else ()
    return Ranked(
        path=path,
        score=score,
        reasons=tuple(reason for reason in reasons if reason),
        symbols=tuple(passage.symbol for passage in passages),
    )


def _worded(found: Found) -> str:
    if not found.words:
        return ""
    told = f"has the words {', '.join(found.words)}"
    return f"{told}, most of them in {found.passages[0].symbol.name}" if found.passages else told


def _named(clues: Clues, files: Mapping[str, str], index: Index) -> dict[str, _Signal]:
    """Speak for the files that define a name of the issue; few of them share its weight."""
    numbers = index.known().numbers
    here = {numbers[blob]: blob for blob in files.values() if blob in numbers}
    owned = {
        word: {here[t] for t in itertools.compress(hit.texts, hit.defined) if t in here}
        for word, hit in index.hits(folded(clues.names)).items()
    }
    likely = set[str]().union(*(some for some in owned.values() if len(some) <= _MOST_OWNERS))
    blobs = {path: blob for path, blob in files.items() if blob in likely}
    contents, wanted = index.contents(set(blobs.values())), set(clues.names)
    defined = {
        path: wanted.intersection(contents[blob].names)
        for path, blob in blobs.items()
        if blob in contents
    }
    owners = Counter(name for names in defined.values() for name in names)
    scores = {p: sum(1 / owners[n] for n in sorted(names)) for p, names in defined.items() if names}
    top = max(scores.values(), default=1.0)
    return {
        path: _Signal(_NAMED * score / top, f"defines {', '.join(sorted(defined[path]))}")
        for path, score in scores.items()
    }


def folded(names: Iterable[str]) -> set[str]:
    """Return one word for each name under which a digest holds its definition."""
    return {whole[0] for name in names if (whole := stems(name))}


def _mentioned(paths: Sequence[str], files: Collection[str]) -> dict[str, _Signal]:
    """Speak for the files that the issue names, whole paths above mere names."""
    tails, found = _Tails(files, paths), dict[str, _Signal]()
    for said in paths:
        for path in tails.ending(said):
            whole = path == said and "/" in said
            signal = _Signal(_WHOLE_PATH if whole else _PATH, f"the issue names {said}")
            found[path] = max(signal, found.get(path, signal))
    return found


def _traced(frames: Sequence[Frame], files: Collection[str]) -> dict[str, _Signal]:
    """Speak for the files of a traceback, most for the one in which it ends."""
    tails = _Tails(files, [frame.path for frame in frames])
    return {
        path: _Signal(_FRAME * (1 + number / len(frames)), f"in a traceback, line {frame.line}")
        for number, frame in enumerate(frames, 1)
        for path in (*tails.ending(frame.path), *tails.installed(frame.path))
    }


class _Tails:
    """Files by the ends of their paths, as far as somebody said such a path."""

    def __init__(self, files: Collection[str], said: Collection[str]) -> None:
        self._by_name = {path.rpartition("/")[2]: list[str]() for path in said}
        names = tuple(self._by_name)
        for path in files if said else ():
            if path.endswith(names) and (name := path.rpartition("/")[2]) in self._by_name:
                self._by_name[name].append(path)

    def ending(self, said: str) -> list[str]:
        """Return the files whose path ends so."""
        return [path for path in self._alike(said) if f"/{path}".endswith(f"/{said}")]

    def installed(self, said: str) -> list[str]:
        """Return the files that lie below another root there, such as site-packages."""
        return [path for path in self._alike(said) if said.endswith(f"/{path}")]

    def _alike(self, said: str) -> Sequence[str]:
        return self._by_name.get(said.rpartition("/")[2], ())


def _past(clues: Clues, files: Collection[str], changes: Sequence[Change]) -> dict[str, _Signal]:
    """Speak for what was changed, and changed together, when the work was about the same words."""
    bags = [_bag(change.subject) for change in changes]
    seen = Counter(word for bag in bags for word in bag)
    best = dict[str, _Signal]()
    for change, bag in zip(changes, bags, strict=True):
        touched = [path for path in change.files if path in files]
        shared = sorted(clues.words.keys() & bag.keys())
        if not shared or not 0 < len(touched) <= _WIDE:
            continue
        weight = sum(clues.words[w] * math.log(1 + len(changes) / seen[w]) for w in shared)
        score = weight / (1 + math.sqrt(bag.total())) / math.sqrt(len(touched))
        for path in touched:
            if path not in best or score > best[path].score:
                best[path] = _Signal(score, f'changed by "{change.subject[:60]}"')
    top = max((signal.score for signal in best.values()), default=1.0)
    return {path: s._replace(score=_PAST * s.score / top) for path, s in best.items()}


@lru_cache(maxsize=4_000)
def _bag(subject: str) -> Counter[str]:
    return Counter(stems(subject))
