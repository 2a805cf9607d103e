"""From a delivery on disk to what it leads to."""

from collections.abc import Awaitable, Callable, Coroutine, Mapping
from typing import Any

from dbos import DBOS, error
from pydantic import JsonValue

from bot import engine
from bot.handlers import comments, issues, pulls, reviews
from webhooks.delivery import Accepted, Delivery

Handler = Callable[[Delivery, Any], Awaitable[None]]
Work = Callable[[dict[str, JsonValue]], Coroutine[Any, Any, None]]

HANDLERS: Mapping[str, Handler] = {
    "issues": issues.handle,
    "issue_comment": comments.handle,
    "pull_request": pulls.handle,
    "pull_request_review": reviews.handle,
}
"""Who handles an event. The events without a handler are accepted and lead to nothing."""


async def accept(delivery: Delivery) -> Accepted:
    """Store a delivery for handling; the same GUID is stored and handled once."""
    return await store(delivery, handle)


async def store(delivery: Delivery, work: Work) -> Accepted:
    """Enqueue a workflow for a delivery, under its GUID; on disk before it returns.

    One whose handling has failed for good is handled again when GitHub delivers it again.
    """
    name, raw = delivery.guid, delivery.model_dump(mode="json")
    while True:
        try:
            with engine.first(name), engine.in_line(_line(delivery)):
                await DBOS.enqueue_workflow_async(engine.DELIVERIES, work, raw)
        except error.DBOSWorkflowIDInUseError as known:
            if known.workflow_status != "ERROR":
                return Accepted.REPEATED
            name = f"{name}+"
        else:
            return Accepted.NEW


@engine.workflow("delivery")
async def handle(raw: dict[str, JsonValue]) -> None:
    """Handle one delivery."""
    delivery = Delivery.model_validate(raw)
    handler = HANDLERS.get(delivery.name)
    if handler is not None:
        await handler(delivery, delivery.event)


def _line(delivery: Delivery) -> str:
    """Name the line a delivery waits in: that of its issue or pull request."""
    event = delivery.event
    repository = getattr(event, "repository", None)
    subject = getattr(event, "issue", None) or getattr(event, "pull_request", None)
    name = repository.full_name if repository else "app"
    return f"{name}#{subject.number}" if subject else name
