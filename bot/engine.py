"""The durable engine: DBOS on a file of its own, or on a database that several machines share."""

import asyncio
import functools
import logging
import sqlite3
import time
from collections.abc import Callable, Collection, Coroutine, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any, ParamSpec, TypeVar

from dbos import (
    DBOS,
    DBOSConfig,
    DBOSPortableJSONSerializer,
    SetEnqueueOptions,
    SetWorkflowID,
    WorkflowStatus,
)
from dbos import error as engine_errors

from bot.turns import Turns
from shared.store.address import arguments, sqlite_url

# The shape of the workflows. A process resumes only runs of its own shape; raise this number
# when a change reorders or renames the steps of a waiting workflow.
WORKFLOW_SHAPE = "8"

DELIVERIES = "deliveries"
RUNS = "runs"
BUILDS = "builds"
BUILDS_AT_ONCE = 4
"""Builds that one worker takes; what is above goes to others of its node, or waits for room."""
GATEWAY = "gateway"
"""The engine's name for the one process that is not a worker."""
POLLING_SECONDS = 0.2
"""How often a queue is looked at, and on a server what is said to a workflow."""
OWN_POLLING_SECONDS = 0.1
"""How often it is looked at in a file of one's own, which costs next to nothing."""
STARTING_SECONDS = 0.5
"""How often the queue of runs is looked at.

Each look at a queue takes several queries. With ten a second at each an idle gateway took 12 % of
a processor, so it takes 5 %.
"""

_UNFINISHED = ["PENDING", "ENQUEUED"]
P = ParamSpec("P")
R = TypeVar("R")
_MOST_TURNS = 2**31 - 1
_last_turn = 0
log = logging.getLogger(__name__)
_running: dict[str, asyncio.Task[Any]] = {}
"""The workflows of this process, by their ids."""


async def launch(
    database: Path | str,
    *,
    name: str = GATEWAY,
    queues: Sequence[str] = (DELIVERIES, RUNS, BUILDS),
    nodes: Collection[str] = (),
) -> None:
    """Start the engine and resume whatever an earlier process of that name left unfinished.

    `database` is a SQLite file, or the address of a PostgreSQL. The process takes work from its
    `queues` only; the gateway also makes those of the `nodes` on which workers may be.
    Must be called on the event loop that shall run the workflows.
    """
    _quieten()
    pause = OWN_POLLING_SECONDS if isinstance(database, Path) else POLLING_SECONDS
    config: DBOSConfig = {
        "name": "baton",
        "application_version": WORKFLOW_SHAPE,
        "executor_id": name,
        "run_migrations": name == GATEWAY,
        "serializer": DBOSPortableJSONSerializer(),
        "notification_listener_polling_interval_sec": pause,
        "log_level": "WARNING",
    }
    DBOS(
        config={**config, **(_file(database) if isinstance(database, Path) else _server(database))}
    )
    DBOS.listen_queues(queues)
    DBOS.launch()
    if name != GATEWAY:
        return
    # One delivery and one run at a time for each issue, in the order of arrival.
    for queue, often in ((DELIVERIES, POLLING_SECONDS), (RUNS, STARTING_SECONDS)):
        await DBOS.register_queue_async(queue, partition_concurrency=1, polling_interval_sec=often)
    # As many builds as there are runs: whose turn it is with a model, the scheduler decides.
    await DBOS.register_queue_async(BUILDS, polling_interval_sec=POLLING_SECONDS)
    for node in nodes:
        await DBOS.register_queue_async(
            node_queue(node),
            worker_concurrency=BUILDS_AT_ONCE,
            polling_interval_sec=POLLING_SECONDS,
        )


def node_queue(node: str) -> str:
    """Name the queue from which the workers of a node take builds."""
    return f"node-{node}"


def _file(database: Path) -> DBOSConfig:
    database.parent.mkdir(parents=True, exist_ok=True)
    _write_ahead(database)
    return {
        "system_database_url": sqlite_url(database),
        # With more connections SQLite makes writers poll for each other's lock, up to 100 ms
        # at a time; the threads that wait for this one are woken at once, in their order.
        "sys_db_pool_size": 1,
        "db_engine_kwargs": {"pool_pre_ping": False, "poolclass": Turns},
    }


def _server(database: str) -> DBOSConfig:
    return {
        "system_database_url": database,
        "sys_db_pool_size": 8,  # a server lets in 100, and there may be several workers
        "db_engine_kwargs": {"connect_args": arguments(database)},
    }


async def unfinished(run_id: str) -> Sequence[str]:
    """List the workflows that work for a run."""
    found = await DBOS.list_workflows_async(
        workflow_id_prefix=run_id, status=_UNFINISHED, load_input=False
    )
    names = [workflow.workflow_id for workflow in found]
    return [name for name in names if name == run_id or name.startswith(f"{run_id}/")]


async def left_behind() -> Sequence[WorkflowStatus]:
    """List the workflows of another shape, which no process of this one will resume."""
    found = await DBOS.list_workflows_async(status=_UNFINISHED)
    return [one for one in found if one.app_version not in {None, WORKFLOW_SHAPE}]


async def stop() -> None:
    """Stop the engine. Unfinished workflows stay on disk, to be resumed.

    Their tasks are cancelled first: the engine records no outcome for a cancelled task, where
    it would record whatever error a half closed database gives.
    """
    tasks = list(_running.values())
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    await asyncio.to_thread(DBOS.destroy)


def workflow(
    name: str,
) -> Callable[[Callable[P, Coroutine[Any, Any, R]]], Callable[P, Coroutine[Any, Any, R]]]:
    """Register a workflow under a name that restarts find it by."""

    def register(
        work: Callable[P, Coroutine[Any, Any, R]],
    ) -> Callable[P, Coroutine[Any, Any, R]]:
        @functools.wraps(work)
        async def tracked(*args: P.args, **kwargs: P.kwargs) -> R:
            task, name = asyncio.current_task(), DBOS.workflow_id
            assert task is not None
            assert name is not None
            await _end_stale(name)
            _running[name] = task
            try:
                return await work(*args, **kwargs)
            except engine_errors.DBOSWorkflowConflictIDError:
                log.warning("%s: lost to another process; it ends here", name)
                raise
            finally:
                if _running.get(name) is task:
                    del _running[name]

        return DBOS.workflow(name=name)(tracked)

    return register


async def _end_stale(name: str) -> None:
    """End what is left here of a workflow that was handed on and has come back meanwhile.

    The engine would let it go at its next step; until then there were two on one worktree.
    """
    if (stale := _running.get(name)) is not None:
        log.warning("%s: lost and taken again; what was left of it here ends", name)
        stale.cancel()
        await asyncio.wait({stale})


def once(workflow_id: str) -> SetWorkflowID:
    """Name the workflow that is enqueued next; a second one of that name is not started."""
    return SetWorkflowID(workflow_id)


def first(workflow_id: str) -> SetWorkflowID:
    """Name the workflow that is enqueued next; a second one raises DBOSWorkflowIDInUseError."""
    return SetWorkflowID(workflow_id, workflow_id_reuse_policy="reject")


def in_line(issue: str) -> SetEnqueueOptions:
    """Put the workflow that is enqueued next behind the others of the same issue."""
    return SetEnqueueOptions(queue_partition_key=issue, priority=_turn())


def _turn() -> int:
    """Return a number that rises with time: on SQLite the engine tells seconds apart at best.

    Milliseconds, folded into the engine's range of priorities (lower goes first); it starts
    anew every 24 days, which matters only to what is enqueued around that moment.
    """
    global _last_turn  # noqa: PLW0603  the one counter of this process
    _last_turn = max(_last_turn + 1, time.time_ns() // 1_000_000)
    return _last_turn % _MOST_TURNS + 1


def _write_ahead(database: Path) -> None:
    """Let readers and the writer go on side by side; one sync to disk for each commit."""
    with closing(sqlite3.connect(database)) as connection:
        connection.execute("PRAGMA journal_mode=WAL")


_EXPECTED = ("was cancelled", "task cancelled", "being automatically retried")


class _Calm(logging.Filter):
    """Drop tracebacks of retries and cancellations: `bot.durable` says what happened."""

    def filter(self, record: logging.LogRecord) -> bool:
        message = record.getMessage()
        if any(part in message for part in _EXPECTED):
            return False
        error = record.exc_info[1] if record.exc_info else None
        if isinstance(error, RuntimeError) and "after shutdown" in str(error):
            return False  # taken from its queue in the last moment; it stays on disk
        return type(error).__name__ != "DBOSAwaitedWorkflowCancelledError"


def _quieten() -> None:
    logger = logging.getLogger("dbos")
    if not any(isinstance(f, _Calm) for f in logger.filters):
        logger.addFilter(_Calm())
