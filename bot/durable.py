"""Steps that are done once: a recorded result is returned, a missing one is worked out.

Everything that a workflow learns from outside passes through `step`. After a kill the engine
runs the workflow again from its top, and every finished step answers from the record.
"""

import contextlib
import logging
from collections.abc import Awaitable, Callable, Iterator
from contextvars import ContextVar
from typing import TypeVar

from dbos import DBOS
from pydantic import JsonValue, TypeAdapter
from sqlalchemy.exc import InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolExhausted

from shared import errors
from shared.errors import (
    BatonError,
    GitHubUnavailable,
    ModelUnavailable,
    RemoteUnavailable,
    RunStopped,
    StoreUnavailable,
)

T = TypeVar("T")
log = logging.getLogger(__name__)

# Troubles that go away by themselves, so that the same may be tried again.
OUTAGES = (GitHubUnavailable, RemoteUnavailable, StoreUnavailable)
PASSING = (*OUTAGES, ModelUnavailable)
# A node that restarts or a GitHub that hiccups is waited for: 2+4+8+16+32+64 seconds.
ATTEMPTS = 7
FIRST_WAIT = 2.0
# What has to happen in the end is then tried again, first after a minute, for three days.
_FIRST_PAUSE, _LONGEST_PAUSE, _PATIENCE = 60.0, 900.0, 3 * 24 * 3600.0  # seconds
_first_pause: ContextVar[float | None] = ContextVar("first_pause", default=None)


@contextlib.contextmanager
def patient(first_pause: float = _FIRST_PAUSE) -> Iterator[None]:
    """Let passing troubles be waited for much longer: what is said to people has to be said.

    ``first_pause`` is in seconds; each one is twice as long as the one before.
    """
    token = _first_pause.set(first_pause)
    try:
        yield
    finally:
        _first_pause.reset(token)


async def step(
    name: str, result: type[T], work: Callable[[], Awaitable[T]], *, tries: int = ATTEMPTS
) -> T:
    """Do a piece of work once, and return its recorded result ever after.

    `result` is the type of what `work` returns; it must survive a trip through JSON.
    A BatonError is recorded and raised again alike; passing troubles are tried again first.
    """
    pause = waited = 0.0
    while True:
        try:
            return await _once(name, result, work, tries)
        except PASSING as error:
            first = _first_pause.get()
            if first is None or waited >= _PATIENCE:
                raise
            pause = min(2 * pause, _LONGEST_PAUSE) or first
            log.warning("%s: %s Trying again in %.0f s.", name, error, pause)
        await DBOS.sleep_async(pause)
        waited += pause


async def _once(name: str, result: type[T], work: Callable[[], Awaitable[T]], tries: int) -> T:
    adapter: TypeAdapter[T] = TypeAdapter(result)
    tried = 0

    async def recorded() -> JsonValue:
        nonlocal tried
        tried += 1
        try:
            return {"value": adapter.dump_python(await _asked_of_store(work), mode="json")}
        except PASSING as error:
            if tried < tries:
                log.warning("%s: %s Trying again.", name, error)
                raise
            return as_record(error)
        except BatonError as error:
            return as_record(error)

    outcome = await DBOS.run_step_async(
        {
            "name": name,
            "preemptible": True,
            "retries_allowed": True,
            "max_attempts": tries,
            "interval_seconds": FIRST_WAIT,
            "should_retry": _is_passing,
        },
        recorded,
    )
    assert isinstance(outcome, dict)
    if "error" in outcome:
        raise from_record(outcome["error"])
    return adapter.validate_python(outcome["value"])


async def _asked_of_store(work: Callable[[], Awaitable[T]]) -> T:
    """Do a piece of work; a database that is out of reach becomes an error of ours."""
    try:
        return await work()
    except (OperationalError, InterfaceError, PoolExhausted) as error:
        raise StoreUnavailable(
            f"The database does not answer ({type(error).__name__}): look at it and at the network."
        ) from error


def _is_passing(error: BaseException) -> bool:
    return isinstance(error, PASSING)


def as_record(error: BatonError) -> dict[str, JsonValue]:
    """Write an error down so that it survives a trip through JSON."""
    told: dict[str, JsonValue] = {"kind": type(error).__name__, "message": str(error)}
    if isinstance(error, RunStopped):
        told |= {"details": error.details, "resumable": error.resumable}
    return {"error": told}


def from_record(record: JsonValue) -> BatonError:
    """Read an error back."""
    assert isinstance(record, dict)
    kind, message = str(record["kind"]), str(record["message"])
    if kind == RunStopped.__name__:
        details, resumable = str(record.get("details", "")), record.get("resumable") is True
        return RunStopped(message, details, resumable=resumable)
    error = getattr(errors, kind, BatonError)(message)
    assert isinstance(error, BatonError)
    return error
