"""The tables of the cache of sources, and how a digest stands in them.

The counts of a word are packed, those of a hundred texts in one row, since a query of a hundred
words would else read as many rows as there are texts for each of them.
"""

import json
import sqlite3
from array import array
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping

from shared.sources.values import Digest, Hits, parts

FORM = 2
"""Raise it when the tables change."""
ROW = 128  # texts whose counts share a row; more would not fit into a page of SQLite's index
_MOST_TIMES = 0xFFFF
_TABLES = """
CREATE TABLE blob (
  id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT UNIQUE NOT NULL, length INTEGER NOT NULL);
CREATE TABLE outline (
  blob INTEGER PRIMARY KEY, imports TEXT NOT NULL, symbols TEXT NOT NULL);
CREATE TABLE counted (
  word TEXT NOT NULL, row INTEGER NOT NULL, hits BLOB NOT NULL, PRIMARY KEY (word, row))
  WITHOUT ROWID;
CREATE TABLE place (
  blob INTEGER NOT NULL, word TEXT NOT NULL, places BLOB NOT NULL, PRIMARY KEY (blob, word))
  WITHOUT ROWID;
CREATE TABLE imported (
  word TEXT NOT NULL, blob INTEGER NOT NULL, PRIMARY KEY (word, blob)) WITHOUT ROWID;
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
    counts: dict[tuple[str, int], array[int]] = defaultdict(lambda: array("H"))
    for name, digest in digests.items():
        row = (name, digest.length)
        made = db.execute("INSERT OR IGNORE INTO blob (name, length) VALUES (?,?)", row)
        if made.rowcount:
            _insert(db, made.lastrowid or 0, digest)
            _count(counts, made.lastrowid or 0, digest)
    db.executemany(_APPEND, ((*key, packed.tobytes()) for key, packed in sorted(counts.items())))


def _count(counts: Mapping[tuple[str, int], "array[int]"], number: int, digest: Digest) -> None:
    row, within = divmod(number, ROW)
    for word, posting in digest.postings.items():
        times = (min(count, _MOST_TIMES) for count in (posting.times, posting.defined))
        counts[word, row].extend((within, *times))


def _insert(db: sqlite3.Connection, number: int, digest: Digest) -> None:
    places = (
        (number, word, array("H", posting.places).tobytes())
        for word, posting in sorted(digest.postings.items())
        if posting.places
    )
    db.executemany("INSERT INTO place VALUES (?,?,?)", places)
    outline = (number, "\n".join(digest.imports), json.dumps(digest.symbols))
    db.execute("INSERT INTO outline VALUES (?,?,?)", outline)
    words = ((word, number) for word in sorted(parts(digest.imports)))
    db.executemany("INSERT INTO imported VALUES (?,?)", words)


def forget(db: sqlite3.Connection, numbers: Iterable[int]) -> None:
    """Remove texts by their numbers."""
    db.execute("CREATE TEMP TABLE gone (id INTEGER PRIMARY KEY)")
    db.executemany("INSERT INTO gone VALUES (?)", ((number,) for number in numbers))
    for table in ("outline", "place", "imported"):
        db.execute(f"DELETE FROM {table} WHERE blob IN (SELECT id FROM gone)")  # noqa: S608 - tables of ours
    db.execute("DELETE FROM blob WHERE id IN (SELECT id FROM gone)")
    # A number is never given again, so what else stands in a row means nobody.
    db.execute(f"DELETE FROM counted WHERE row NOT IN (SELECT id / {ROW} FROM blob)")  # noqa: S608 - a number of ours
    db.execute("DROP TABLE gone")


def numbers(db: sqlite3.Connection, blobs: Collection[str]) -> dict[str, int]:
    """Return the numbers of the blobs that are known."""
    statement = "SELECT id FROM blob WHERE name = ?"
    return {blob: row[0] for blob in blobs for row in db.execute(statement, (blob,))}


def unpacked(rows: Iterable[tuple[int, bytes]]) -> Hits:
    """Read the rows of one word."""
    texts, times, defined = list[int](), array("H"), array("H")
    for row, packed in rows:
        three = array("H", packed)
        first = row * ROW
        texts += [first + within for within in three[::3]]
        times += three[1::3]
        defined += three[2::3]
    return Hits(texts, times, defined)
