"""Which tests an issue is likely to touch, and which code stands around the code it is about."""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from functools import lru_cache

from agents.context.ranking import Ranked
from shared.sources import Change

_IMPORTS, _NAMESAKE, _TOGETHER = 0.5, 0.7, 0.3  # beside at most 1 for the words of the issue
_SEEDS = 5  # best code files whose tests are looked for
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

    ``tests`` are those of them that the words speak for, ``code`` the ranked code.
    """
    top = max((one.score for one in tests), default=0.0) or 1.0
    scores = defaultdict[str, float](float, {one.path: one.score / top for one in tests})
    reasons = defaultdict[str, list[str]](list, {one.path: list(one.reasons) for one in tests})
    symbols = {one.path: one.symbols for one in tests}
    together = changed_together(changes)
    for rank, seed in enumerate(code[:_SEEDS], 1):
        near = together.get(seed.path, {})
        most = max(near.values(), default=1)
        for path in paths:
            for weight, reason in (
                (_IMPORTS * (seed.path in imports.get(path, ())), f"imports {seed.path}"),
                (_NAMESAKE * (_subject(path) == _subject(seed.path)), f"named after {seed.path}"),
                (_TOGETHER * near.get(path, 0) / most, f"changed together with {seed.path}"),
            ):
                if weight:
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
    importers, together = defaultdict[str, list[str]](list), changed_together(changes)
    for path, targets in imports.items():
        for target in targets:
            importers[target].append(path)
    known, found = {one.path for one in code[:_SEEDS]}, dict[str, str]()
    for seed in (one.path for one in code[:_SEEDS]):
        near = together.get(seed, {})
        around = {
            **dict.fromkeys(importers[seed], f"imports {seed}"),
            **dict.fromkeys(imports.get(seed, ()), f"imported by {seed}"),
        }
        for path in sorted(around, key=lambda path: (-near.get(path, 0), path)):
            if path not in known:
                found.setdefault(path, around[path])
    return found


def changed_together(changes: Sequence[Change]) -> Mapping[str, Mapping[str, int]]:
    """Count for each file how often others changed in the same commit."""
    found = defaultdict[str, dict[str, int]](dict)
    for change in changes:
        for one in change.files if len(change.files) <= _WIDE else ():
            for other in change.files:
                if other != one:
                    found[one][other] = found[one].get(other, 0) + 1
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
