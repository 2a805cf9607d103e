"""Digests by blob id and changes by commit id, in one SQLite file that may be deleted at any time.

What the file holds follows from the ids alone, so it never goes stale; a new ``version`` or a
damaged file only means that it is filled again. SQLite gives atomic writes, several readers, and
the look-up by word which keeps a warm query off the thousands of texts that it is not about.
"""

import contextlib
import json
import sqlite3
from array import array
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from pathlib import Path
from typing import TypeVar

from shared.sources.values import Change, Digest, Hit, Places, Symbol

T = TypeVar("T")
_FORM = 1  # of the tables
_BUSY = 10.0  # seconds to wait for another process
_MANY = 500  # blobs from which on reading all is faster than looking each up
_MOST_BLOBS = 60_000  # of a dozen commits of a large repository; more are forgotten
_CIRCUMSTANCES = {
    *(sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_FULL, sqlite3.SQLITE_CANTOPEN),
    *(sqlite3.SQLITE_READONLY, sqlite3.SQLITE_PERM, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_NOMEM),
}
_TABLES = """
CREATE TABLE blob (
  id INTEGER PRIMARY KEY, name TEXT UNIQUE NOT NULL, length INTEGER NOT NULL,
  symbols TEXT NOT NULL, imports TEXT NOT NULL);
CREATE TABLE posting (
  word TEXT NOT NULL, blob INTEGER NOT NULL, times INTEGER NOT NULL, defined INTEGER NOT NULL,
  places BLOB NOT NULL, PRIMARY KEY (word, blob)) WITHOUT ROWID;
CREATE TABLE change (name TEXT PRIMARY KEY, subject TEXT NOT NULL, files TEXT NOT NULL)
  WITHOUT ROWID;
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
        known = set(self.lengths())
        return tuple(blob for blob in dict.fromkeys(blobs) if blob not in known)

    def add(self, digests: Mapping[str, Digest]) -> None:
        """Keep digests by blob id, all or none."""

        def work(db: sqlite3.Connection) -> None:
            for name, digest in digests.items():
                _insert(db, name, digest)

        self._write(work)

    def lengths(self) -> dict[str, int]:
        """Return the number of words of every blob that is known."""
        return self._read(lambda db: dict(db.execute("SELECT name, length FROM blob")))

    def hits(self, words: Collection[str]) -> tuple[Hit, ...]:
        """Return where words occur, whichever commit the blobs belong to."""
        statement = "SELECT blob, times, defined FROM posting WHERE word = ?"

        def work(db: sqlite3.Connection) -> tuple[Hit, ...]:
            names = dict(db.execute("SELECT id, name FROM blob"))
            return tuple(
                (word, names[blob], times, defined)
                for word in words
                for blob, times, defined in db.execute(statement, (word,)).fetchall()
            )

        return self._read(work)

    def places(self, words: Collection[str], blobs: Collection[str]) -> dict[str, Places]:
        """Return for blobs in which of their definitions words occur."""
        marks = ",".join("?" * len(blobs))

        def work(db: sqlite3.Connection) -> dict[str, Places]:
            known = f"SELECT id, name FROM blob WHERE name IN ({marks})"  # noqa: S608 - marks only
            names = dict(db.execute(known, tuple(blobs)))
            ids = ",".join(map(str, names))
            statement = f"SELECT blob, places FROM posting WHERE word = ? AND blob IN ({ids})"  # noqa: S608 - our own numbers
            found: dict[str, dict[str, tuple[int, ...]]] = {name: {} for name in names.values()}
            for word in words:
                for blob, places in db.execute(statement, (word,)):
                    found[names[blob]][word] = _unpacked(places)
            return dict(found)

        return self._read(work)

    def symbols(self, blobs: Collection[str]) -> dict[str, tuple[Symbol, ...]]:
        """Return the definitions of blobs."""
        return {
            name: tuple(Symbol(*row) for row in json.loads(text))
            for name, text in self._column("symbols", blobs)
        }

    def imports(self, blobs: Collection[str]) -> dict[str, tuple[str, ...]]:
        """Return the imports of blobs."""
        return {
            name: tuple(text.split("\n")) for name, text in self._column("imports", blobs) if text
        }

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
            db.execute("DELETE FROM posting WHERE blob IN (SELECT id FROM gone)")
            db.execute("DELETE FROM blob WHERE id IN (SELECT id FROM gone)")
            db.execute("DROP TABLE gone")

        self._write(work)

    def _column(self, name: str, blobs: Collection[str]) -> Iterator[tuple[str, str]]:
        everything = f"SELECT name, {name} FROM blob"  # noqa: S608 - a column of ours

        def work(db: sqlite3.Connection) -> list[tuple[str, str]]:
            if len(blobs) > _MANY:
                wanted = set(blobs)
                return [row for row in db.execute(everything) if row[0] in wanted]
            one = f"{everything} WHERE name = ?"
            return [row for blob in blobs for row in db.execute(one, (blob,))]

        yield from self._read(work)

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
        for table in ("blob", "posting", "change"):
            db.execute(f"DROP TABLE IF EXISTS {table}")
        for statement in _TABLES.split(";")[:-1]:
            db.execute(statement)
        db.execute(f"PRAGMA user_version = {stamp}")


def _insert(db: sqlite3.Connection, name: str, digest: Digest) -> None:
    row = (name, digest.length, json.dumps(digest.symbols), "\n".join(digest.imports))
    made = db.execute(
        "INSERT OR IGNORE INTO blob (name, length, symbols, imports) VALUES (?,?,?,?)", row
    )
    if made.rowcount:
        db.executemany(
            "INSERT INTO posting VALUES (?,?,?,?,?)",
            (
                (word, made.lastrowid, p.times, p.defined, array("H", p.places).tobytes())
                for word, p in sorted(digest.postings.items())
            ),
        )


def _unpacked(places: bytes) -> tuple[int, ...]:
    found = array("H")
    found.frombytes(places)
    return tuple(found)
