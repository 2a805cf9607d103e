"""Which tests an issue is likely to touch, and which code stands around the code it is about."""

from collections import Counter, defaultdict
from collections.abc import Collection, Mapping, Sequence
from functools import lru_cache

from agents.context.ranking import Ranked
from shared.sources import Change

_IMPORTS, _NAMESAKE, _TOGETHER = 0.5, 0.7, 0.3  # beside at most 1 for the words of the issue
SEEDS = 5
"""The best code files: their tests and what stands around them are looked for."""
_WIDE = 20  # files of a commit
_MARKS = ("test_", "_test", "_tests", "_spec")


def likely_tests(
    tests: Sequence[Ranked],
    paths: Collection[str],
    code: Sequence[Ranked],
    imports: Mapping[str, Collection[str]],
    changes: Sequence[Change],
) -> tuple[Ranked, ...]:
    """Order the test files ``paths``: by the issue's words, and by how they belong to the code.

    ``tests`` are those of them that the words speak for, ``code`` the ranked code; ``imports``
    are at least of what imports the best of it.
    """
    top = max((one.score for one in tests), default=0.0) or 1.0
    scores = defaultdict[str, float](float, {one.path: one.score / top for one in tests})
    reasons = defaultdict[str, list[str]](list, {one.path: list(one.reasons) for one in tests})
    symbols = {one.path: one.symbols for one in tests}
    seeds = [one.path for one in code[:SEEDS]]
    together, namesakes = changed_together(changes, seeds), _namesakes(paths)
    for rank, seed in enumerate(seeds, 1):
        near = together.get(seed, {})
        most = max(near.values(), default=1)
        bonds = (
            (dict.fromkeys(_importers(seed, imports, paths), _IMPORTS), f"imports {seed}"),
            (
                dict.fromkeys(namesakes.get(_subject(seed), ()), _NAMESAKE),
                f"named after {seed}",
            ),
            (
                {path: _TOGETHER * n / most for path, n in near.items() if path in paths},
                f"changed together with {seed}",
            ),
        )
        for weights, reason in bonds:
            for path, weight in weights.items():
                scores[path] += weight / rank
                reasons[path].append(reason)
    found = (
        Ranked(
            path=path,
            score=round(score, 6),
            reasons=tuple(reasons[path]),
            symbols=symbols.get(path, ()),
        )
        for path, score in scores.items()
    )
    return tuple(sorted(found, key=lambda one: (-one.score, one.path)))


def neighbours(
    code: Sequence[Ranked], imports: Mapping[str, Collection[str]], changes: Sequence[Change]
) -> dict[str, str]:
    """Return the files around the best ones with why, the nearest first."""
    seeds, found = [one.path for one in code[:SEEDS]], dict[str, str]()
    together = changed_together(changes, seeds)
    for seed in seeds:
        near = together.get(seed, {})
        around = {
            **dict.fromkeys(_importers(seed, imports, imports), f"imports {seed}"),
            **dict.fromkeys(imports.get(seed, ()), f"imported by {seed}"),
        }
        for path in sorted(around, key=lambda path: (-near.get(path, 0), path)):
            if path not in seeds:
                found.setdefault(path, around[path])
    return found


def changed_together(
    changes: Sequence[Change], seeds: Collection[str]
) -> Mapping[str, Mapping[str, int]]:
    """Count for each seed how often other files changed in the same commit."""
    found = {seed: Counter[str]() for seed in seeds}
    for change in changes:
        if len(change.files) <= _WIDE:
            for seed in found.keys() & set(change.files):
                found[seed].update(path for path in change.files if path != seed)
    return found


def _importers(
    seed: str, imports: Mapping[str, Collection[str]], paths: Collection[str]
) -> list[str]:
    return [path for path, targets in imports.items() if seed in targets and path in paths]


def _namesakes(paths: Collection[str]) -> Mapping[str, Sequence[str]]:
    found = defaultdict[str, list[str]](list)
    for path in paths:
        found[_subject(path)].append(path)
    return found


@lru_cache(maxsize=20_000)
def _subject(path: str) -> str:
    """Return what a file is named after, the marks of a test taken off."""
    folder, _, name = path.rpartition("/")
    stem = name.split(".", 1)[0]
    if stem in {"__init__", "index", "mod"}:
        stem = folder.rpartition("/")[2]
    for mark in _MARKS:
        stem = stem.removeprefix(mark).removesuffix(mark)
    return stem.strip("_")
