"""Digests by blob id and changes by commit id, in one SQLite file that may be deleted at any time.

What the file holds follows from the ids alone, so it never goes stale; a new ``version`` or a
damaged file only means that it is filled again. SQLite gives atomic writes, several readers, and
the look-up by word which keeps a warm query off the thousands of texts that it is not about.
"""

import contextlib
import json
import sqlite3
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from pathlib import Path
from typing import TypeVar

from shared.sources import snapshots, tables
from shared.sources.contents import Contents
from shared.sources.values import Change, Digest, Hits, Known, Snapshot

T = TypeVar("T")
_BUSY = 10.0  # seconds to wait for another process
_BATCH = 500  # values in one statement
_MOST_BLOBS = 20_000  # or twice a commit's; more are forgotten, since each makes a query slower
_CIRCUMSTANCES = {
    *(sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_FULL, sqlite3.SQLITE_CANTOPEN),
    *(sqlite3.SQLITE_READONLY, sqlite3.SQLITE_PERM, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_NOMEM),
}


class SourceCache:
    """The cache of one repository; ``path`` may be ":memory:", ``most`` is a number of blobs.

    Every method blocks for its disk. Several processes may use one file.
    """

    def __init__(self, path: Path | str, *, version: int, most: int = _MOST_BLOBS) -> None:
        self._path, self._most = path, most
        self._stamp = tables.FORM * 1_000_000 + version
        self._connection = self._open()

    def close(self) -> None:
        """Let go of the file."""
        self._connection.close()

    def missing(self, blobs: Iterable[str]) -> tuple[str, ...]:
        """Return the blobs without a digest, in their order."""
        known = self._read(lambda db: {name for (name,) in db.execute("SELECT name FROM blob")})
        return tuple(blob for blob in dict.fromkeys(blobs) if blob not in known)

    def add(self, digests: Mapping[str, Digest]) -> None:
        """Keep digests by blob id, all or none."""
        self._write(lambda db: tables.insert(db, digests))

    def known(self) -> Known:
        """Return the number and the length of every blob that is known."""
        # Put together by SQLite: the rows of a full cache would be as many tuples.
        columns = ", ".join(f"group_concat({name}, char(10))" for name in ("name", "id", "length"))
        statement = f"SELECT {columns} FROM blob"  # noqa: S608 - columns of ours

        def work(db: sqlite3.Connection) -> Known:
            row = db.execute(statement).fetchone()
            names, numbers, lengths = (column.split("\n") if column else () for column in row)
            return Known(
                dict(zip(names, map(int, numbers), strict=True)),
                dict(zip(names, map(int, lengths), strict=True)),
            )

        return self._read(work)

    def hits(self, words: Collection[str]) -> dict[str, Hits]:
        """Return where words occur, whichever commit the blobs belong to."""
        statement = "SELECT hits FROM counted WHERE word = ? ORDER BY row"

        def work(db: sqlite3.Connection) -> dict[str, Hits]:
            return {word: tables.unpacked(db.execute(statement, (word,))) for word in words}

        return self._read(work)

    def contents(self, blobs: Collection[str]) -> dict[str, Contents]:
        """Return the definitions of blobs, and in which of them words occur."""
        found = self._outline(tables.PACKED, blobs, tables.whole)
        return {name: Contents(packed) for name, packed in found.items()}

    def imports(self, blobs: Collection[str]) -> dict[str, tuple[str, ...]]:
        """Return the imports of blobs."""
        told = self._outline("imports", blobs, str)
        return {name: tuple(text.split("\n")) for name, text in told.items() if text}

    def importing(self, words: Collection[str]) -> dict[str, tuple[str, ...]]:
        """Return the imports of the blobs that have one of these words (see `parts`)."""
        tables = "imported JOIN blob ON id = imported.blob JOIN outline ON id = outline.blob"
        statement = f"SELECT name, imports FROM {tables} WHERE word = ?"  # noqa: S608 - tables of ours

        def work(db: sqlite3.Connection) -> dict[str, tuple[str, ...]]:
            rows = (row for word in words for row in db.execute(statement, (word,)))
            return {name: tuple(text.split("\n")) for name, text in rows}

        return self._read(work)

    def snapshot(self, name: str) -> Snapshot | None:
        """Return a commit as it was kept by this name; all its texts are known."""
        return self._read(lambda db: snapshots.find(db, name))

    def add_snapshot(self, name: str, snapshot: Snapshot) -> None:
        """Keep a commit, unless some of its texts are unknown; the oldest ones are forgotten."""
        self._write(lambda db: snapshots.insert(db, name, snapshot))

    def changes(self, commits: Sequence[str]) -> dict[str, Change]:
        """Return what is known of commits."""

        def work(db: sqlite3.Connection) -> dict[str, Change]:
            rows = [row for start in range(0, len(commits), _BATCH) for row in some(db, start)]
            files = json.loads(f"[{','.join(row[2] for row in rows)}]")
            return {
                name: Change(subject, tuple(paths))
                for (name, subject, _), paths in zip(rows, files, strict=True)
            }

        def some(db: sqlite3.Connection, start: int) -> list[tuple[str, str, str]]:
            asked = commits[start : start + _BATCH]
            marks = ",".join("?" * len(asked))
            return db.execute(f"SELECT * FROM change WHERE name IN ({marks})", asked).fetchall()  # noqa: S608 - marks only

        return self._read(work)

    def add_changes(self, changes: Mapping[str, Change]) -> None:
        """Keep changes by commit id, all or none."""
        rows = [(name, c.subject, json.dumps(c.files)) for name, c in changes.items()]
        self._write(lambda db: db.executemany("INSERT OR IGNORE INTO change VALUES (?,?,?)", rows))

    def keep(self, blobs: Collection[str]) -> None:
        """Forget all other blobs once there are more than a cache should hold."""

        def work(db: sqlite3.Connection) -> None:
            known = dict(db.execute("SELECT name, id FROM blob"))
            if len(known) <= max(self._most, 2 * len(blobs)):
                return
            tables.forget(db, (known[name] for name in known.keys() - set(blobs)))

        self._write(work)

    def _outline(
        self, columns: str, blobs: Collection[str], read: Callable[..., T]
    ) -> dict[str, T]:
        joined = "blob JOIN outline ON outline.blob = blob.id"
        statement = f"SELECT {columns} FROM {joined} WHERE blob.name = ?"  # noqa: S608 - columns of ours

        def work(db: sqlite3.Connection) -> dict[str, T]:
            return {name: read(*row) for name in blobs for row in db.execute(statement, (name,))}

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
            db.execute("PRAGMA page_size = 16384")  # of a new file: most contents fit into one
            db.execute("PRAGMA journal_mode = WAL")
            db.execute("PRAGMA synchronous = OFF")  # a lost cache is made again
            if db.execute("PRAGMA user_version").fetchone()[0] != self._stamp:
                tables.make(db, self._stamp)
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
