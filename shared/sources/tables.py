"""The tables of the cache of sources, and how a digest stands in them.

The counts of a word are packed, those of a hundred texts in one row, since a query of a hundred
words would else read as many rows as there are texts for each of them.
"""

import sqlite3
import struct
import zlib
from array import array
from collections import defaultdict
from collections.abc import Iterable, Mapping

from shared.sources.contents import Packed, pack
from shared.sources.values import Digest, Hits, parts

FORM = 4
"""Raise it when the tables change."""
ROW = 448  # texts whose counts share a row; more would not fit into a page of SQLite's index
PACKED = ", ".join(("checksum", *Packed._fields))
"""The columns of a text's contents, to be read by ``whole``."""
_MOST_TIMES = 0xFFFF
_COUNT = struct.Struct("=IHH")  # a text by its number, how often in it, how often as a name
_TABLES = """
CREATE TABLE blob (
  id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT UNIQUE NOT NULL, length INTEGER NOT NULL);
CREATE TABLE outline (
  blob INTEGER PRIMARY KEY, imports TEXT NOT NULL, names TEXT NOT NULL, heads TEXT NOT NULL,
  spans BLOB NOT NULL, words BLOB NOT NULL, ends BLOB NOT NULL, places BLOB NOT NULL,
  checksum INTEGER NOT NULL);
CREATE TABLE counted (
  word TEXT NOT NULL, row INTEGER NOT NULL, hits BLOB NOT NULL, PRIMARY KEY (word, row))
  WITHOUT ROWID;
CREATE TABLE imported (
  word TEXT NOT NULL, blob INTEGER NOT NULL, PRIMARY KEY (word, blob)) WITHOUT ROWID;
CREATE TABLE snapshot (
  id INTEGER PRIMARY KEY, name TEXT UNIQUE NOT NULL, paths BLOB NOT NULL, blobs BLOB NOT NULL,
  commits BLOB NOT NULL, checksum INTEGER NOT NULL);
CREATE TABLE change (name TEXT PRIMARY KEY, subject TEXT NOT NULL, files TEXT NOT NULL)
  WITHOUT ROWID;
"""
_OURS = "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite%'"
_APPEND = """
INSERT INTO counted VALUES (?,?,?)
ON CONFLICT DO UPDATE SET hits = CAST(hits || excluded.hits AS BLOB)
"""


def make(db: sqlite3.Connection, stamp: int) -> None:
    """Make all tables anew, whatever there was before, unless another process just did."""
    with db:
        db.execute("BEGIN IMMEDIATE")
        if db.execute("PRAGMA user_version").fetchone()[0] == stamp:
            return
        for (table,) in db.execute(_OURS).fetchall():
            db.execute(f'DROP TABLE "{table}"')
        for statement in _TABLES.split(";")[:-1]:
            db.execute(statement)
        db.execute(f"PRAGMA user_version = {stamp}")


def insert(db: sqlite3.Connection, digests: Mapping[str, Digest]) -> None:
    """Write digests by blob id, but for those that are there already."""
    counts: dict[tuple[str, int], bytearray] = defaultdict(bytearray)
    for name, digest in digests.items():
        row = (name, digest.length)
        made = db.execute("INSERT OR IGNORE INTO blob (name, length) VALUES (?,?)", row)
        if made.rowcount:
            _insert(db, made.lastrowid or 0, digest)
            _count(counts, made.lastrowid or 0, digest)
    db.executemany(_APPEND, ((*key, bytes(packed)) for key, packed in sorted(counts.items())))


def _count(counts: Mapping[tuple[str, int], bytearray], number: int, digest: Digest) -> None:
    for word, posting in digest.postings.items():
        times = (min(count, _MOST_TIMES) for count in (posting.times, posting.defined))
        counts[word, number // ROW] += _COUNT.pack(number, *times)


def _insert(db: sqlite3.Connection, number: int, digest: Digest) -> None:
    packed = pack(digest)
    row = (number, "\n".join(digest.imports), *packed, checksum_of(*packed))
    db.execute(f"INSERT INTO outline VALUES ({','.join('?' * len(row))})", row)  # noqa: S608 - marks only
    words = ((word, number) for word in sorted(parts(digest.imports)))
    db.executemany("INSERT INTO imported VALUES (?,?)", words)


def whole(checksum: int, *columns: str | bytes) -> Packed:
    """Return the columns of PACKED; ValueError when they are not what was written."""
    if checksum_of(*columns) != checksum:
        raise ValueError("the contents of a text are damaged")
    return Packed._make(columns)


def checksum_of(*columns: str | bytes) -> int:
    """Return a number that tells damaged columns from what was written."""
    return zlib.crc32(b"\0".join(c.encode() if isinstance(c, str) else c for c in columns))


def forget(db: sqlite3.Connection, numbers: Iterable[int]) -> None:
    """Remove texts by their numbers."""
    db.execute("CREATE TEMP TABLE gone (id INTEGER PRIMARY KEY)")
    db.executemany("INSERT INTO gone VALUES (?)", ((number,) for number in numbers))
    for table in ("outline", "imported"):
        db.execute(f"DELETE FROM {table} WHERE blob IN (SELECT id FROM gone)")  # noqa: S608 - tables of ours
    db.execute("DELETE FROM blob WHERE id IN (SELECT id FROM gone)")
    db.execute("DELETE FROM snapshot")  # some name a text that is gone
    # A number is never given again, so what else stands in a row means nobody.
    db.execute(f"DELETE FROM counted WHERE row NOT IN (SELECT id / {ROW} FROM blob)")  # noqa: S608 - a number of ours
    db.execute("DROP TABLE gone")


def unpacked(rows: Iterable[tuple[bytes]]) -> Hits:
    """Read the rows of one word, with no step of Python for each text."""
    packed = b"".join(row for (row,) in rows)
    shorts = array("H", packed)
    return Hits(array("I", packed)[::2], shorts[2::4], shorts[3::4])
