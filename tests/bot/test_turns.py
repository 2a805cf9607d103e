import sqlite3
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import nullcontext

import pytest

from bot.turns import Turns, ahead


@pytest.fixture
def pool() -> Iterator[Turns]:
    """A pool of one connection."""
    made = Turns(
        lambda: sqlite3.connect(":memory:", check_same_thread=False), pool_size=1, max_overflow=0
    )
    yield made
    made.dispose()


def served(pool: Turns, waiting: Sequence[str]) -> Sequence[str]:
    """Return in which order the connection goes to those who began to wait in the given order."""
    order: list[str] = []

    def take(name: str) -> None:
        with ahead() if name.isupper() else nullcontext():
            connection = pool.connect()
        order.append(name)
        connection.close()

    held = pool.connect()
    threads = [threading.Thread(target=take, args=(name,)) for name in waiting]
    for number, thread in enumerate(threads, 1):
        thread.start()
        while pool.waiting < number:
            time.sleep(0)  # nothing is waited for: the other threads may run
    held.close()
    for thread in threads:
        thread.join()
    return order


def test_a_delivery_waits_for_one_turn_of_the_others(pool: Turns) -> None:
    """One at the door goes before all that waited, and before nobody twice in a row."""
    assert served(pool, "abcdeX") == list("Xabcde")
    assert served(pool, "abXYZ") == list("XaYbZ")


def test_without_deliveries_the_order_of_arrival_holds(pool: Turns) -> None:
    """Nobody overtakes, and after the last one the connection is free again."""
    assert served(pool, "abcde") == list("abcde")
    assert served(pool, "X") == ["X"]


def test_a_connection_that_cannot_be_made_leaves_its_turn_to_the_next() -> None:
    """A fault is raised to the one whose turn it was; the next one tries anew."""
    faults = iter([sqlite3.OperationalError("unable to open database file")])

    def connect() -> sqlite3.Connection:
        for fault in faults:
            raise fault
        return sqlite3.connect(":memory:")

    pool = Turns(connect, pool_size=1, max_overflow=0)
    with pytest.raises(sqlite3.OperationalError):
        pool.connect()
    pool.connect().close()
    pool.dispose()
