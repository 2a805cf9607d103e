"""Commits that the cache has seen whole: their files, and which commits are before them."""

import os
import sqlite3
from collections.abc import Iterable

from shared.sources.tables import checksum_of
from shared.sources.values import Snapshot

_MOST = 8  # half a megabyte each for 5,000 files; runs of one repository seldom have more bases


def find(db: sqlite3.Connection, name: str) -> Snapshot | None:
    """Return what was kept by a name; ValueError when it is damaged."""
    columns = "paths, blobs, commits, checksum"
    row = db.execute(f"SELECT {columns} FROM snapshot WHERE name = ?", (name,)).fetchone()  # noqa: S608 - columns of ours
    if row is None:
        return None
    *packed, checksum = row
    if checksum_of(*packed) != checksum:
        raise ValueError("a commit in the cache is damaged")
    paths, blobs, commits = map(_unpacked, packed)
    return Snapshot(dict(zip(paths, blobs, strict=True)), commits)


def insert(db: sqlite3.Connection, name: str, snapshot: Snapshot) -> None:
    """Keep a commit by a name, unless another process has just forgotten some of its texts."""
    files, commits = snapshot
    known = {blob for (blob,) in db.execute("SELECT name FROM blob")}
    if known.issuperset(files.values()):
        packed = (_packed(files), _packed(files.values()), _packed(commits))
        statement = (
            "INSERT OR REPLACE INTO snapshot (name, paths, blobs, commits, checksum) "
            "VALUES (?,?,?,?,?)"
        )
        made = db.execute(statement, (name, *packed, checksum_of(*packed)))
        db.execute("DELETE FROM snapshot WHERE id <= ?", ((made.lastrowid or 0) - _MOST,))


def _packed(names: Iterable[str]) -> bytes:
    return os.fsencode("\0".join(names))  # a path of git holds any byte but this one


def _unpacked(packed: bytes) -> tuple[str, ...]:
    return tuple(os.fsdecode(packed).split("\0")) if packed else ()
