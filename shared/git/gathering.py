"""Bring a cache of sources up to a commit: digests of its files, and the changes before it."""

import asyncio
from collections.abc import Callable, Mapping
from typing import NamedTuple

from shared.git.history import History
from shared.sources import Change, Digest
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
    files = await history.blobs(sha)
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
    return Gathered(files, await _changes(history, sha, cache))


def _add(
    cache: SourceCache,
    paths: Mapping[str, str],
    texts: Mapping[str, str],
    digest: Callable[[str, str], Digest],
) -> None:
    cache.add({blob: digest(paths[blob], text) for blob, text in texts.items()})


async def _changes(history: History, sha: str, cache: SourceCache) -> tuple[Change, ...]:
    commits = await history.commits(sha)
    known = await asyncio.to_thread(cache.changes, commits)
    if missing := [commit for commit in commits if commit not in known]:
        found = await history.changes(missing)
        await asyncio.to_thread(cache.add_changes, found)
        known |= found
    return tuple(known[commit] for commit in commits if commit in known)
