"""From the door onto disk: a delivery becomes a workflow in the engine's queue."""

from collections.abc import Callable, Coroutine
from typing import Any

from dbos import DBOS, error
from pydantic import JsonValue

from bot import engine
from bot.turns import ahead
from webhooks.delivery import Accepted, Delivery

Work = Callable[[dict[str, JsonValue]], Coroutine[Any, Any, None]]


async def store(delivery: Delivery, work: Work) -> Accepted:
    """Enqueue a workflow for a delivery, under its GUID; on disk before it returns.

    One whose handling has failed for good is handled again when GitHub delivers it again.
    """
    name, raw = delivery.guid, delivery.model_dump(mode="json")
    while True:
        try:
            with ahead(), engine.first(name), engine.in_line(_line(delivery)):
                await DBOS.enqueue_workflow_async(engine.DELIVERIES, work, raw)
        except error.DBOSWorkflowIDInUseError as known:
            if known.workflow_status != "ERROR":
                return Accepted.REPEATED
            name = f"{name}+"
        else:
            return Accepted.NEW


def _line(delivery: Delivery) -> str:
    """Name the line a delivery waits in: that of its issue or pull request."""
    event = delivery.event
    repository = getattr(event, "repository", None)
    subject = getattr(event, "issue", None) or getattr(event, "pull_request", None)
    name = repository.full_name if repository else "app"
    return f"{name}#{subject.number}" if subject else name
