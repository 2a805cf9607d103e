"""Find what of a repository an issue is about: code, tests, and a map of what stands around."""

from collections.abc import Callable, Collection, Mapping, Sequence

from agents.context.clues import clues
from agents.context.imports import around
from agents.context.index import Index, Once
from agents.context.kin import SEEDS, likely_tests, neighbours
from agents.context.lexical import search
from agents.context.ranking import Ranked, folded, ranked
from agents.context.signatures import signature_map
from shared.domain import Value
from shared.sources import Change

_MAPPED, _AROUND = 12, 12  # files in the map: the best, and those around the best
MAP_TOKENS = 1_000


class Located(Value):
    """What an issue is about, the best first; ``outline`` is a map of signatures."""

    code: tuple[Ranked, ...]
    tests: tuple[Ranked, ...]
    outline: str


class Repository(Value):
    """One commit: its files with their blob ids, and the commits before, the latest first."""

    files: Mapping[str, str]
    changes: tuple[Change, ...] = ()


def locate(
    title: str,
    body: str,
    repository: Repository,
    index: Index,
    *,
    is_test: Callable[[str], bool],
    tokens: int = MAP_TOKENS,
) -> Located:
    """Locate an issue; the index must know the blobs of all files that hold text.

    ``tokens`` bounds the map.
    """
    asked, files, changes = clues(title, body), repository.files, repository.changes
    index = Once(index, asked.words.keys() | folded(asked.names))
    tests = {path: blob for path, blob in files.items() if is_test(path)}
    code = {path: blob for path, blob in files.items() if path not in tests}
    in_code, in_tests = search(asked, code, tests, index)
    best = ranked(asked, code, in_code, index, changes)
    imports = around(files, {one.path for one in best[:SEEDS]}, index)
    beside = [
        Ranked(path=path, score=0.0, reasons=(why,))
        for path, why in neighbours(best, _within(imports, code), changes).items()
    ]
    return Located(
        code=best,
        tests=likely_tests(ranked(asked, tests, in_tests, index), tests, best, imports, changes),
        outline=_outline([*best[:_MAPPED], *beside[:_AROUND]], files, index, tokens),
    )


def _within(
    imports: Mapping[str, frozenset[str]], files: Collection[str]
) -> dict[str, frozenset[str]]:
    return {path: targets for path, targets in imports.items() if path in files}


def _outline(chosen: Sequence[Ranked], files: Mapping[str, str], index: Index, tokens: int) -> str:
    once = dict[str, Ranked]()
    for file in chosen:
        once.setdefault(file.path, file)
    known = index.contents({files[path] for path in once})
    symbols = {p: known[b].symbols() if (b := files[p]) in known else () for p in once}
    return signature_map(list(once.values()), symbols, tokens=tokens)
