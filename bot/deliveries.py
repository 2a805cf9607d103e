"""From a delivery on disk to what it leads to."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from pydantic import JsonValue

from bot import engine
from bot.durable import patient
from bot.handlers import checks, comments, installations, issues, pulls, reviews
from bot.inbox import store
from webhooks.delivery import Accepted, Delivery

Handler = Callable[[Delivery, Any], Awaitable[None]]

HANDLERS: Mapping[str, Handler] = {
    "issues": issues.handle,
    "issue_comment": comments.handle,
    "pull_request": pulls.handle,
    "pull_request_review": reviews.handle,
    "pull_request_review_comment": reviews.handle_comment,
    "check_run": checks.handle_run,
    "check_suite": checks.handle_suite,
    "installation": installations.handle,
    "installation_repositories": installations.handle_repositories,
}
"""Who handles an event."""


NAME = "delivery"
"""By which the engine knows the workflow that handles one."""
_WHOEVER = frozenset({"closed", "check_suite.completed"})
"""Actions that matter also when a bot did them, such as one that merges pull requests."""


async def accept(delivery: Delivery) -> Accepted:
    """Store a delivery for handling; the same GUID is stored and handled once.

    What can lead to nothing is not stored: most of all Baton's own comments and labels come back
    as deliveries, and would stand in line before what people say.
    """
    return await store(delivery, handle) if _matters(delivery) else Accepted.IGNORED


def _matters(delivery: Delivery) -> bool:
    if delivery.name not in HANDLERS:
        return False
    does = {delivery.action, f"{delivery.name}.{delivery.action}"}
    return not delivery.event.sender.is_bot or not does.isdisjoint(_WHOEVER)


@engine.workflow(NAME)
async def handle(raw: dict[str, JsonValue]) -> None:
    """Handle one delivery."""
    delivery = Delivery.model_validate(raw)
    handler = HANDLERS.get(delivery.name)
    if handler is not None:
        with patient():  # GitHub, which tells of it once, may be out of reach the next moment
            await handler(delivery, delivery.event)
