"""The durable engine: DBOS on a database in the state directory."""

import logging
from pathlib import Path

from dbos import DBOS, DBOSPortableJSONSerializer, SetEnqueueOptions, SetWorkflowID

# The shape of the workflows. A process resumes only runs of its own shape; raise this number
# when a change reorders or renames the steps of a waiting workflow.
WORKFLOW_SHAPE = "1"

DELIVERIES = "deliveries"
RUNS = "runs"
POLLING_SECONDS = 0.2


async def launch(database: Path) -> None:
    """Start the engine and resume whatever an earlier process left unfinished.

    Must be called on the event loop that shall run the workflows.
    """
    database.parent.mkdir(parents=True, exist_ok=True)
    _quieten()
    DBOS(
        config={
            "name": "baton",
            "system_database_url": f"sqlite:///{database}",
            "application_version": WORKFLOW_SHAPE,
            "executor_id": "gateway",
            "serializer": DBOSPortableJSONSerializer(),
            "notification_listener_polling_interval_sec": POLLING_SECONDS,
            "log_level": "WARNING",
        }
    )
    DBOS.launch()
    # One delivery and one run at a time for each issue, in the order of arrival.
    for queue in (DELIVERIES, RUNS):
        await DBOS.register_queue_async(
            queue, partition_concurrency=1, polling_interval_sec=POLLING_SECONDS
        )


def stop() -> None:
    """Stop the engine; unfinished workflows stay on disk."""
    DBOS.destroy()


def once(workflow_id: str) -> SetWorkflowID:
    """Name the workflow that is enqueued next; a second one of that name is not started."""
    return SetWorkflowID(workflow_id)


def in_line(issue: str) -> SetEnqueueOptions:
    """Put the workflow that is enqueued next behind the others of the same issue."""
    return SetEnqueueOptions(queue_partition_key=issue)


class _Calm(logging.Filter):
    """Drop tracebacks of retries and cancellations: `bot.durable` says what happened."""

    def filter(self, record: logging.LogRecord) -> bool:
        message = record.getMessage()
        if "was cancelled" in message or "being automatically retried" in message:
            return False
        error = record.exc_info[1] if record.exc_info else None
        return type(error).__name__ != "DBOSAwaitedWorkflowCancelledError"


def _quieten() -> None:
    logger = logging.getLogger("dbos")
    if not any(isinstance(f, _Calm) for f in logger.filters):
        logger.addFilter(_Calm())
