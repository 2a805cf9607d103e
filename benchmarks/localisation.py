"""How well the files that an issue is about are found, beside plain BM25 and aider's map.

51 issues of SWE-bench (requests, flask, pytest; from two packages on PyPI), each on its base
commit. A method ranks the Python files that are no tests; asked for are those which the fix
touches. recall@k is the share of them among the first k, MRR goes by the first of them. Times are
medians with filled caches; ms in the last line is the product's whole warm query on a repository
of 5,000 files (``_localisation_large``), the reading of commit and cache included. The weights of
``agents/context`` were chosen on other repositories (pylint, xarray, sphinx, seaborn), none on
these.

Needs PyPI, and github.com unless --repos names a folder with clones of the three repositories.
"""

import argparse
import asyncio
import statistics
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from agents.context import VERSION, Repository, digest, locate
from benchmarks._localisation_data import (
    REPOSITORIES,
    Instance,
    candidates,
    instances,
    repository,
)
from benchmarks._localisation_large import FILES, Warm, warm
from benchmarks._localisation_rivals import AIDER, Ranking, aider, bm25
from shared.git.gathering import gather
from shared.git.history import History
from shared.sources.cache import SourceCache
from shared.workspace.policy import is_test_file


class Case(NamedTuple):
    """An instance with the texts that are ranked, and what Baton says."""

    instance: Instance
    texts: Mapping[str, str]
    found: Ranking
    tests: Ranking


class Figures(NamedTuple):
    """Means over instances; ``ms`` is a median."""

    r1: float
    r5: float
    r10: float
    mrr: float
    ms: float


async def main() -> None:
    """Rank by every method and print the tables."""
    parser = argparse.ArgumentParser(prog="./dev bench localisation", description=__doc__)
    parser.add_argument("--repos", type=Path, help="a folder with clones: requests, flask, pytest")
    parser.add_argument("--no-aider", action="store_true", help="leave aider out")
    chosen = parser.parse_args()
    wanted = instances()
    with tempfile.TemporaryDirectory() as folder:
        cases = [
            case
            for name in REPOSITORIES
            for case in await located(
                [i for i in wanted if i.repo == name],
                repository(name, chosen.repos),
                Path(folder) / f"{name.replace('/', '+')}.db",
            )
        ]
        rival = "left out" if chosen.no_aider else by_aider(cases, Path(folder))
        name = REPOSITORIES[-1]
        issues = [i for i in wanted if i.repo == name]
        large = await warm(repository(name, chosen.repos), issues, Path(folder))
    report(cases, rival)
    on_large(*large)
    last_line(cases, rival, large[0])


async def located(wanted: Sequence[Instance], git_dir: Path, place: Path) -> list[Case]:
    """Locate issues of one repository; the second of two rounds, with a filled cache, is timed."""
    history, cache, cases = History(git_dir), SourceCache(place, version=VERSION), list[Case]()
    for instance in wanted:
        await gather(history, instance.base, cache, digest)
        known = await gather(history, instance.base, cache, digest)
        began = time.perf_counter()
        repo = Repository(files=known.files, changes=known.changes)
        found = locate(instance.title, instance.body, repo, cache, is_test=is_test_file)
        seconds = time.perf_counter() - began
        ranked = set(candidates(known.files))
        texts = await history.texts([known.files[path] for path in ranked])
        cases.append(
            Case(
                instance,
                {path: texts[known.files[path]] for path in sorted(ranked)},
                Ranking(tuple(f.path for f in found.code if f.path in ranked), seconds),
                Ranking(tuple(f.path for f in found.tests), seconds),
            )
        )
    cache.close()
    return cases


def by_aider(cases: Sequence[Case], folder: Path) -> list[Ranking] | str:
    """Lay the files out as aider reads them, and let it rank."""
    roots = [folder / "aider" / case.instance.name for case in cases]
    for case, root in zip(cases, roots, strict=True):
        for path, text in case.texts.items():
            (root / path).parent.mkdir(parents=True, exist_ok=True)
            (root / path).write_text(text, "utf-8")
    texts = [f"{case.instance.title}\n{case.instance.body}" for case in cases]
    return aider(texts, roots, folder)


def figures(rankings: Sequence[Ranking], wanted: Sequence[Sequence[str]]) -> Figures:
    """Average over instances."""
    rows = []
    for ranking, gold in zip(rankings, wanted, strict=True):
        places = [ranking.paths.index(g) + 1 for g in gold if g in ranking.paths]
        recalls = [sum(place <= k for place in places) / len(gold) for k in (1, 5, 10)]
        rows.append((*recalls, 1 / min(places) if places else 0.0))
    r1, r5, r10, mrr = (statistics.fmean(column) for column in zip(*rows, strict=True))
    return Figures(r1, r5, r10, mrr, statistics.median(r.seconds for r in rankings) * 1000)


def methods(cases: Sequence[Case], rival: list[Ranking] | str) -> dict[str, list[Ranking]]:
    """Return the rankings of every method that has run."""
    plain = [bm25(f"{c.instance.title}\n{c.instance.body}", c.texts) for c in cases]
    ours = {"Baton": [case.found for case in cases], "plain BM25": plain}
    return ours if isinstance(rival, str) else {**ours, f"aider's map ({AIDER})": rival}


def report(cases: Sequence[Case], rival: list[Ranking] | str) -> None:
    """Print a row for each repository and method, then the tests."""
    print("| repository | issues | method | recall@1 | @5 | @10 | MRR | median |")
    print("|---|---:|---|---:|---:|---:|---:|---:|")
    for name in (*REPOSITORIES, "all"):
        chosen = [n for n, c in enumerate(cases) if name in {c.instance.repo, "all"}]
        for method, rankings in methods(cases, rival).items():
            f = figures([rankings[n] for n in chosen], [cases[n].instance.fixed for n in chosen])
            print(
                f"| {name} | {len(chosen)} | {method} | {f.r1:.2f} | {f.r5:.2f} | {f.r10:.2f} "
                f"| {f.mrr:.2f} | {f.ms:.0f} ms |"
            )
    if isinstance(rival, str):
        print(f"\naider's map has no figures: {rival}")
    f = figures([c.tests for c in cases], [c.instance.tested for c in cases])
    print(f"\ntests that the fix touches, by Baton: {f.r1:.2f} / {f.r5:.2f} / {f.r10:.2f}")


def on_large(seen: Warm, new: Warm) -> None:
    """Print how long a whole query takes on the large repository."""
    print(f"\n{FILES} files, from opening the cache to the map, best of five:")
    print("| commit | whole | of it files and past | processor |\n|---|---:|---:|---:|")
    for name, f in (("seen before", seen), ("new, most texts known", new)):
        print(f"| {name} | {f.whole:.0f} ms | {f.gathering:.0f} ms | {f.processor:.0f} ms |")
    print()


def last_line(cases: Sequence[Case], rival: list[Ranking] | str, large: Warm) -> None:
    """Print the figures that are compared from run to run."""
    wanted = [case.instance.fixed for case in cases]
    every = {name: figures(r, wanted) for name, r in methods(cases, rival).items()}
    ours, plain, *others = every.values()
    theirs = f"{others[0].r1:.2f}" if others else "none"
    print(
        f"localisation: r1={ours.r1:.2f} r5={ours.r5:.2f} r10={ours.r10:.2f} mrr={ours.mrr:.2f} "
        f"ms={large.whole:.0f} bm25_r1={plain.r1:.2f} aider_r1={theirs}"
    )


if __name__ == "__main__":
    asyncio.run(main())
