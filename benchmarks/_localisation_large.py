"""How long a warm query takes on a large repository: 5,000 files with a past of 1,000 commits.

A query is what the product does when a run begins: open the cache on disk, read the commit's files
and past, locate the issue, close the cache; for a commit that was seen before, and for its
neighbour that was not, as after a push. The process has looked at the repository once.

Its texts are different ones, taken from the past of a real repository, each stage of it in a folder
of its own; its commits have the subjects of that repository's and touch the same files.
"""

import asyncio
import resource
import statistics
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from agents.context import VERSION, Repository, digest, locate
from benchmarks._localisation_data import Instance
from shared.git.gathering import gather
from shared.git.history import History
from shared.sources import Change
from shared.sources.cache import SourceCache
from shared.workspace.policy import is_test_file

FILES = 5_000
_APART = 60  # commits between two stages
_ROUNDS = 8
_BEST_OF = 5


class Warm(NamedTuple):
    """Medians over issues in milliseconds, each issue's the best of a few; processors' too."""

    whole: float
    processor: float
    gathering: float
    """Of the whole, the part before an issue is looked at: the files, the past, the cache."""


async def warm(git_dir: Path, wanted: Sequence[Instance], folder: Path) -> tuple[Warm, Warm]:
    """Query a repository made below a folder: on a commit seen before, then on new ones."""
    made, place = folder / "large.git", folder / "large.db"
    sha = await _make(History(git_dir), git_dir, made)
    await _query(made, sha, place, wanted[0])
    seen = [[await _query(made, sha, place, i) for _ in range(_BEST_OF)] for i in wanted[:_ROUNDS]]
    others = iter((await History(made).commits(sha))[1:])
    new = [
        [await _query(made, next(others), place, i) for _ in range(_BEST_OF)]
        for i in wanted[:_ROUNDS]
    ]
    return _medians(seen), _medians(new)


async def _query(git_dir: Path, sha: str, place: Path, instance: Instance) -> Warm:
    began, used = time.perf_counter(), _processor()
    cache = SourceCache(place, version=VERSION)
    known = await gather(History(git_dir), sha, cache, digest)
    gathered = time.perf_counter()
    repo = Repository(files=known.files, changes=known.changes)
    locate(instance.title, instance.body, repo, cache, is_test=is_test_file)
    cache.close()
    ended = time.perf_counter()
    spent = (ended - began, _processor() - used, gathered - began)
    return Warm(*(seconds * 1000 for seconds in spent))


def _medians(rows: Sequence[Sequence[Warm]]) -> Warm:
    best = [map(min, zip(*tries, strict=True)) for tries in rows]
    return Warm(*map(statistics.median, zip(*best, strict=True)))


def _processor() -> float:
    """Return the seconds of the processor that this process and its children have used."""
    who = (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    return sum(times.ru_utime + times.ru_stime for times in map(resource.getrusage, who))


async def _make(history: History, git_dir: Path, made: Path) -> str:
    head = (await asyncio.to_thread(_git, git_dir, "rev-parse", "HEAD")).strip()
    stages = (await asyncio.to_thread(_git, git_dir, "rev-list", "--first-parent", head)).split()
    files, seen = dict[str, str](), set[str]()
    for number, stage in enumerate(stages[::_APART]):
        for path, blob in (await history.blobs(stage)).items():
            if path.endswith(".py") and blob not in seen and len(files) < FILES:
                seen.add(blob)
                files[f"stage{number}/{path}"] = blob
    commits = await history.commits(head)
    changes = await history.changes(commits)
    texts = await history.texts(list(files.values()))
    _git(made.parent, "init", "--quiet", "--bare", str(made))
    stream = _stream({p: texts[b] for p, b in files.items()}, [changes[c] for c in commits[::-1]])
    command = ("git", "--git-dir", str(made), "fast-import", "--quiet")
    await asyncio.to_thread(subprocess.run, command, input=b"".join(stream), check=True)
    return _git(made, "rev-parse", "refs/heads/main").strip()


def _stream(texts: Mapping[str, str], changes: Sequence[Change]) -> Iterator[bytes]:
    """Write the commits in the form of git fast-import: all files, then a line more in some."""
    now = dict(texts)
    yield _commit(0, "Begin", now)
    for number, change in enumerate(changes, 1):
        touched = [path for file in change.files if (path := f"stage0/{file}") in now]
        now |= {path: f"{now[path]}# {number}\n" for path in touched}
        yield _commit(number, change.subject, {path: now[path] for path in touched})


def _commit(number: int, subject: str, files: Mapping[str, str]) -> bytes:
    head = f"commit refs/heads/main\ncommitter A <a@example.org> {number} +0000\n".encode()
    written = (
        b"M 100644 inline %s\n%s" % (path.encode(), _data(text)) for path, text in files.items()
    )
    return b"".join([head, _data(subject), *written])


def _data(text: str) -> bytes:
    data = text.encode()
    return b"data %d\n%s\n" % (len(data), data)


def _git(git_dir: Path, *words: str) -> str:
    command = ("git", "--git-dir", str(git_dir), *words)
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout
