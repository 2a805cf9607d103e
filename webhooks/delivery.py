"""One delivery: the value that goes into the durable queue."""

from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime
from enum import StrEnum

from pydantic import AwareDatetime, Field, ValidationError

from shared.domain import Value
from shared.errors import BadEvent
from webhooks.events import MODELS, Event, is_read


class Delivery(Value):
    """An event with its GUID, which stays the same when GitHub delivers it again.

    ``model_dump(mode="json")`` and ``model_validate`` are inverse to each other.
    """

    guid: str = Field(pattern=r"^[A-Za-z0-9-]{1,64}$")
    name: str
    action: str | None = None
    event: Event
    received: AwareDatetime


class Accepted(StrEnum):
    """What became of a delivery that was handed over."""

    NEW = "accepted"
    REPEATED = "repeated"
    IGNORED = "ignored"


Accept = Callable[[Delivery], Awaitable[Accepted]]
"""Stores a delivery durably before it returns, and tells whether the GUID was known."""


def to_delivery(guid: str, name: str, payload: Mapping[str, object]) -> Delivery | None:
    """Read a payload, or return None for an event or action Baton does not listen to.

    Raises BadEvent, which names the field.
    """
    action = payload.get("action")
    if not is_read(name, action):
        return None
    try:
        # `kind` tells the events apart when the delivery is read back from the queue.
        event = MODELS[name].model_validate({**payload, "kind": name})
    except ValidationError as error:
        raise BadEvent(_explain(name, error)) from None
    return Delivery.model_validate(
        {
            "guid": guid,
            "name": name,
            "action": event.action,
            "event": event,
            "received": datetime.now(UTC),
        }
    )


def _explain(name: str, error: ValidationError) -> str:
    """Name the first wrong field and what is wrong with it, never its value."""
    first = error.errors(include_url=False, include_context=False, include_input=False)[0]
    field = ".".join(str(part) for part in first["loc"])
    reason = first["msg"][0].lower() + first["msg"][1:]
    return (
        f"The {name} event cannot be read at the field `{field}`: {reason}. If GitHub sent it, "
        "its format has changed: please open an issue on Baton."
    )
