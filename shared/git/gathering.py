"""Bring a cache of sources up to a commit: digests of its files, and the changes before it."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

from shared.git.history import RULE, History
from shared.sources import Change, Digest, Snapshot
from shared.sources.cache import SourceCache

_BATCH = 200  # texts in memory at once; a kill loses one batch


class Gathered(NamedTuple):
    """One commit: its files with their blob ids, and the commits before, the latest first."""

    files: Mapping[str, str]
    changes: tuple[Change, ...]


async def gather(
    history: History, sha: str, cache: SourceCache, digest: Callable[[str, str], Digest]
) -> Gathered:
    """Read what the cache does not know yet, and return the commit but for its largest files.

    ``digest`` makes a digest of a path and a text. Raises GitError.
    """
    name = f"{sha} {RULE}"
    kept = await asyncio.to_thread(cache.snapshot, name)
    if kept is None:
        files, commits = await asyncio.gather(history.blobs(sha), history.commits(sha))
        kept = Snapshot(await _digested(history, files, cache, digest), commits)
        await asyncio.to_thread(cache.add_snapshot, name, kept)
    return Gathered(kept.files, await _changes(history, kept.commits, cache))


async def _digested(
    history: History,
    files: Mapping[str, str],
    cache: SourceCache,
    digest: Callable[[str, str], Digest],
) -> Mapping[str, str]:
    """Let the cache know all texts but the largest, and return the files without these."""
    missing = await asyncio.to_thread(cache.missing, files.values())
    if large := await history.too_large(missing) if missing else ():
        files = {path: blob for path, blob in files.items() if blob not in large}
        missing = tuple(blob for blob in missing if blob not in large)
    paths = {blob: path for path, blob in files.items()} if missing else {}
    for start in range(0, len(missing), _BATCH):
        texts = await history.texts(missing[start : start + _BATCH])
        await asyncio.to_thread(_add, cache, paths, texts, digest)
    if missing:
        await asyncio.to_thread(cache.keep, paths)
    return files


def _add(
    cache: SourceCache,
    paths: Mapping[str, str],
    texts: Mapping[str, str],
    digest: Callable[[str, str], Digest],
) -> None:
    cache.add({blob: digest(paths[blob], text) for blob, text in texts.items()})


async def _changes(
    history: History, commits: Sequence[str], cache: SourceCache
) -> tuple[Change, ...]:
    known = await asyncio.to_thread(cache.changes, commits)
    if missing := [commit for commit in commits if commit not in known]:
        found = await history.changes(missing)
        await asyncio.to_thread(cache.add_changes, found)
        known |= found
    return tuple(known[commit] for commit in commits if commit in known)
