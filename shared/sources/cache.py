"""Digests by blob id and changes by commit id, in one SQLite file that may be deleted at any time.

What the file holds follows from the ids alone, so it never goes stale; a new ``version`` or a
damaged file only means that it is filled again. SQLite gives atomic writes, several readers, and
the look-up by word which keeps a warm query off the thousands of texts that it is not about. The
counts of a word are packed, those of a hundred texts in one row, since a query of a hundred words
would else read as many rows as there are texts for each of them.
"""

import contextlib
import json
import sqlite3
from array import array
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping
from itertools import starmap
from pathlib import Path
from typing import TypeVar

from shared.sources.values import Change, Digest, Hits, Known, Places, Symbol, parts

T = TypeVar("T")
_FORM = 2  # of the tables
_BUSY = 10.0  # seconds to wait for another process
_ROW = 128  # texts whose counts share a row; more would not fit into a page of SQLite's index
_MOST_TIMES = 0xFFFF
_MOST_BLOBS = 60_000  # of a dozen commits of a large repository; more are forgotten
_CIRCUMSTANCES = {
    *(sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_FULL, sqlite3.SQLITE_CANTOPEN),
    *(sqlite3.SQLITE_READONLY, sqlite3.SQLITE_PERM, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_NOMEM),
}
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


class SourceCache:
    """The cache of one repository; ``path`` may be ":memory:".

    Every method blocks for its disk. Several processes may use one file.
    """

    def __init__(self, path: Path | str, *, version: int) -> None:
        self._path = path
        self._stamp = _FORM * 1_000_000 + version
        self._connection = self._open()

    def close(self) -> None:
        """Let go of the file."""
        self._connection.close()

    def missing(self, blobs: Iterable[str]) -> tuple[str, ...]:
        """Return the blobs without a digest, in their order."""
        known = self.known()
        return tuple(blob for blob in dict.fromkeys(blobs) if blob not in known)

    def add(self, digests: Mapping[str, Digest]) -> None:
        """Keep digests by blob id, all or none."""

        def work(db: sqlite3.Connection) -> None:
            counts: dict[tuple[str, int], array[int]] = defaultdict(lambda: array("H"))
            for name, digest in digests.items():
                _insert(db, name, digest, counts)
            rows = ((*key, packed.tobytes()) for key, packed in sorted(counts.items()))
            db.executemany(_APPEND, rows)

        self._write(work)

    def known(self) -> dict[str, Known]:
        """Return the number and the length of every blob that is known."""

        def work(db: sqlite3.Connection) -> dict[str, Known]:
            return {n: Known(*row) for n, *row in db.execute("SELECT name, id, length FROM blob")}

        return self._read(work)

    def hits(self, words: Collection[str]) -> dict[str, Hits]:
        """Return where words occur, whichever commit the blobs belong to."""
        statement = "SELECT row, hits FROM counted WHERE word = ? ORDER BY row"

        def work(db: sqlite3.Connection) -> dict[str, Hits]:
            return {word: _unpacked(db.execute(statement, (word,))) for word in words}

        return self._read(work)

    def places(self, words: Collection[str], blobs: Collection[str]) -> dict[str, Places]:
        """Return for blobs in which of their definitions words occur."""
        marks = ",".join("?" * len(words))
        statement = f"SELECT word, places FROM place WHERE blob = ? AND word IN ({marks})"  # noqa: S608 - marks only

        def work(db: sqlite3.Connection) -> dict[str, Places]:
            return {
                name: {w: tuple(array("H", p)) for w, p in db.execute(statement, (blob, *words))}
                for name, blob in _numbers(db, blobs).items()
            }

        return self._read(work)

    def symbols(self, blobs: Collection[str]) -> dict[str, tuple[Symbol, ...]]:
        """Return the definitions of blobs."""
        told = self._outline("symbols", blobs)
        return {name: tuple(starmap(Symbol, json.loads(text))) for name, text in told.items()}

    def imports(self, blobs: Collection[str]) -> dict[str, tuple[str, ...]]:
        """Return the imports of blobs."""
        told = self._outline("imports", blobs)
        return {name: tuple(text.split("\n")) for name, text in told.items() if text}

    def importing(self, words: Collection[str]) -> set[str]:
        """Return the blobs that import a name with one of these words (see `parts`)."""
        statement = "SELECT name FROM imported JOIN blob ON id = blob WHERE word = ?"

        def work(db: sqlite3.Connection) -> set[str]:
            return {name for word in words for (name,) in db.execute(statement, (word,))}

        return self._read(work)

    def changes(self, commits: Iterable[str]) -> dict[str, Change]:
        """Return what is known of commits."""

        def work(db: sqlite3.Connection) -> dict[str, Change]:
            found = {}
            for name in commits:
                for subject, files in db.execute(
                    "SELECT subject, files FROM change WHERE name = ?", (name,)
                ):
                    found[name] = Change(subject, tuple(json.loads(files)))
            return found

        return self._read(work)

    def add_changes(self, changes: Mapping[str, Change]) -> None:
        """Keep changes by commit id, all or none."""
        rows = [(name, c.subject, json.dumps(c.files)) for name, c in changes.items()]
        self._write(lambda db: db.executemany("INSERT OR IGNORE INTO change VALUES (?,?,?)", rows))

    def keep(self, blobs: Collection[str]) -> None:
        """Forget all other blobs once there are more than a cache should hold."""

        def work(db: sqlite3.Connection) -> None:
            known = dict(db.execute("SELECT name, id FROM blob"))
            if len(known) <= max(_MOST_BLOBS, len(blobs)):
                return
            gone = [(known[name],) for name in known.keys() - set(blobs)]
            db.execute("CREATE TEMP TABLE gone (id INTEGER PRIMARY KEY)")
            db.executemany("INSERT INTO gone VALUES (?)", gone)
            for table in ("outline", "place", "imported"):
                db.execute(f"DELETE FROM {table} WHERE blob IN (SELECT id FROM gone)")  # noqa: S608 - tables of ours
            db.execute("DELETE FROM blob WHERE id IN (SELECT id FROM gone)")
            # A number is never given again, so what else stands in a row means nobody.
            db.execute(f"DELETE FROM counted WHERE row NOT IN (SELECT id / {_ROW} FROM blob)")  # noqa: S608 - a number of ours
            db.execute("DROP TABLE gone")

        self._write(work)

    def _outline(self, column: str, blobs: Collection[str]) -> dict[str, str]:
        statement = f"SELECT {column} FROM outline WHERE blob = ?"  # noqa: S608 - a column of ours

        def work(db: sqlite3.Connection) -> dict[str, str]:
            return {
                name: text
                for name, blob in _numbers(db, blobs).items()
                for (text,) in db.execute(statement, (blob,))
            }

        return self._read(work)

    def _read(self, work: Callable[[sqlite3.Connection], T]) -> T:
        try:
            return work(self._connection)
        except (sqlite3.DatabaseError, ValueError, TypeError, KeyError) as error:
            if _is_circumstance(error):
                raise
            self._start_over()
            return work(self._connection)

    def _write(self, work: Callable[[sqlite3.Connection], object]) -> None:
        def whole(db: sqlite3.Connection) -> None:
            with db:  # all or nothing
                db.execute("BEGIN IMMEDIATE")
                work(db)

        self._read(whole)

    def _open(self) -> sqlite3.Connection:
        if isinstance(self._path, Path):
            self._path.parent.mkdir(parents=True, exist_ok=True)
        try:
            return self._prepared()
        except sqlite3.DatabaseError as error:
            if _is_circumstance(error):
                raise
            self._remove()
            return self._prepared()

    def _prepared(self) -> sqlite3.Connection:
        db = sqlite3.connect(
            self._path, timeout=_BUSY, isolation_level=None, check_same_thread=False
        )
        try:
            db.execute("PRAGMA journal_mode = WAL")
            db.execute("PRAGMA synchronous = OFF")  # a lost cache is made again
            if db.execute("PRAGMA user_version").fetchone()[0] != self._stamp:
                _make_tables(db, self._stamp)
        except sqlite3.Error:
            db.close()
            raise
        return db

    def _start_over(self) -> None:
        """Replace a damaged file by an empty one."""
        self._connection.close()
        self._remove()
        self._connection = self._open()

    def _remove(self) -> None:
        if isinstance(self._path, Path):
            for suffix in ("", "-wal", "-shm"):
                with contextlib.suppress(FileNotFoundError):
                    self._path.with_name(self._path.name + suffix).unlink()


def _is_circumstance(error: Exception) -> bool:
    """Tell a lock, a full disk or a missing permission from a damaged file."""
    return getattr(error, "sqlite_errorcode", -1) & 0xFF in _CIRCUMSTANCES


def _make_tables(db: sqlite3.Connection, stamp: int) -> None:
    with db:
        db.execute("BEGIN IMMEDIATE")
        for (table,) in db.execute(_OURS).fetchall():
            db.execute(f'DROP TABLE "{table}"')
        for statement in _TABLES.split(";")[:-1]:
            db.execute(statement)
        db.execute(f"PRAGMA user_version = {stamp}")


def _numbers(db: sqlite3.Connection, blobs: Collection[str]) -> dict[str, int]:
    statement = "SELECT id FROM blob WHERE name = ?"
    return {blob: row[0] for blob in blobs for row in db.execute(statement, (blob,))}


def _insert(
    db: sqlite3.Connection,
    name: str,
    digest: Digest,
    counts: Mapping[tuple[str, int], "array[int]"],
) -> None:
    made = db.execute(
        "INSERT OR IGNORE INTO blob (name, length) VALUES (?,?)", (name, digest.length)
    )
    if not made.rowcount:
        return
    number = made.lastrowid or 0
    row, within = divmod(number, _ROW)
    for word, posting in digest.postings.items():
        times = (min(count, _MOST_TIMES) for count in (posting.times, posting.defined))
        counts[word, row].extend((within, *times))
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


def _unpacked(rows: Iterable[tuple[int, bytes]]) -> Hits:
    texts, times, defined = list[int](), array("H"), array("H")
    for row, packed in rows:
        three = array("H", packed)
        first = row * _ROW
        texts += [first + within for within in three[::3]]
        times += three[1::3]
        defined += three[2::3]
    return Hits(texts, times, defined)
