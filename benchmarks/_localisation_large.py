"""How long a warm query takes on a large repository: 5,000 files with a past of 1,000 commits.

Its texts are different ones, taken from the past of a real repository, each stage of it in a folder
of its own; its commits have the subjects of that repository's and touch the same files.
"""

import asyncio
import os
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


class Warm(NamedTuple):
    """Medians in milliseconds: all, of it processor time, and all of it for the files alone."""

    whole: float
    processor: float
    gathering: float


async def warm(git_dir: Path, wanted: Sequence[Instance], folder: Path) -> Warm:
    """Make the repository below a folder, fill the cache, and query it with several issues."""
    made = folder / "large.git"
    sha = await _make(History(git_dir), git_dir, made)
    history, cache = History(made), SourceCache(folder / "large.db", version=VERSION)
    await gather(history, sha, cache, digest)
    rows = []
    for instance in wanted[:_ROUNDS]:
        began, used = time.perf_counter(), _processor()
        known = await gather(history, sha, cache, digest)
        gathered = time.perf_counter() - began
        repo = Repository(files=known.files, changes=known.changes)
        locate(instance.title, instance.body, repo, cache, is_test=is_test_file)
        rows.append((time.perf_counter() - began, _processor() - used, gathered))
    cache.close()
    return Warm(*(statistics.median(column) * 1000 for column in zip(*rows, strict=True)))


def _processor() -> float:
    """Return the seconds of the processor that this process and its children have used."""
    times = os.times()
    return times.user + times.system + times.children_user + times.children_system


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
