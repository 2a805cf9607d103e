"""Who may use the engine's one connection to its file next: a delivery at the door, or the rest."""

import contextlib
import threading
from collections import deque
from collections.abc import Iterator
from contextvars import ContextVar
from typing import Any

from sqlalchemy.pool import ConnectionPoolEntry, QueuePool

_ahead: ContextVar[bool] = ContextVar("ahead", default=False)


@contextlib.contextmanager
def ahead() -> Iterator[None]:
    """Let what is done inside, in its threads too, wait for one other's turn at most.

    A queue is looked at all at once, so its workflows end together; a delivery that came behind
    them waited for as many transactions as there were issues.
    """
    token = _ahead.set(True)
    try:
        yield
    finally:
        _ahead.reset(token)


class Turns(QueuePool):
    """A pool of one connection: it goes in turns to those ahead and the rest, in their order."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:  # noqa: ANN401  a QueuePool's own
        """Take what a QueuePool takes."""
        super().__init__(*args, **kwargs)
        self._lock = threading.Lock()
        self._taken: bool | None = None  # None: by nobody; else whether by one ahead
        self._lines: dict[bool, deque[threading.Lock]] = {True: deque(), False: deque()}

    @property
    def waiting(self) -> int:
        """Count those who wait for the connection."""
        return sum(map(len, self._lines.values()))

    def _do_get(self) -> ConnectionPoolEntry:
        self._take()
        try:
            return super()._do_get()
        except BaseException:
            self._pass_on()
            raise

    def _do_return_conn(self, record: ConnectionPoolEntry) -> None:
        super()._do_return_conn(record)
        self._pass_on()

    def _take(self) -> None:
        line = _ahead.get()
        with self._lock:
            if self._taken is None:
                self._taken = line
                return
            turn = threading.Lock()
            turn.acquire()
            self._lines[line].append(turn)
        turn.acquire()

    def _pass_on(self) -> None:
        with self._lock:
            line = not self._taken
            if not self._lines[line]:
                line = not line
            if not self._lines[line]:
                self._taken = None
                return
            self._taken = line
            self._lines[line].popleft().release()
