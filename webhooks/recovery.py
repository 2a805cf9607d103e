"""Deliveries that did not arrive: which of them to ask for again, and stand-ins; pure."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from uuid import NAMESPACE_URL, uuid5

from pydantic import AwareDatetime

from shared.domain import Value
from webhooks.delivery import Delivery, to_delivery

# GitHub redelivers what is at most three days old:
# https://docs.github.com/en/webhooks/using-webhooks/handling-failed-webhook-deliveries
KEPT = timedelta(days=3)

_PAUSE = timedelta(minutes=4)
_LONGEST_PAUSE = timedelta(hours=8)
_NAMESPACE = uuid5(NAMESPACE_URL, "urn:baton:missed")


class Attempt(Value):
    """One attempt of GitHub's to deliver; all attempts of a delivery have its GUID."""

    id: int
    guid: str
    delivered_at: AwareDatetime
    status_code: int
    event: str
    action: str | None = None

    @property
    def arrived(self) -> bool:
        """Tell whether the receiver acknowledged it."""
        return 200 <= self.status_code < 300  # noqa: PLR2004  HTTP's successes


def missed(attempts: Iterable[Attempt], now: datetime) -> tuple[Attempt, ...]:
    """Return the last attempt of every delivery that is to be sent again, the oldest first.

    Those of the last three days without a success. One that failed again waits, twice as long
    each time, so that a delivery which cannot be taken is not asked for for ever.
    """
    by_guid: dict[str, list[Attempt]] = defaultdict(list)
    for attempt in attempts:
        by_guid[attempt.guid].append(attempt)
    found = [
        max(tries, key=lambda one: (one.delivered_at, one.id))
        for tries in by_guid.values()
        if not any(one.arrived for one in tries) and _is_due(tries, now)
    ]
    return tuple(sorted(found, key=lambda one: (one.delivered_at, one.id)))


def _is_due(tries: list[Attempt], now: datetime) -> bool:
    first, last = min(t.delivered_at for t in tries), max(t.delivered_at for t in tries)
    pause = min(_PAUSE * 2 ** (len(tries) - 2), _LONGEST_PAUSE) if len(tries) > 1 else timedelta()
    return now - first <= KEPT and now - last >= pause


def stand_in(name: str, payload: Mapping[str, object], *about: str) -> Delivery:
    """Make the delivery that an event would have come with.

    ``about`` tells it from all other events: the same event has the same GUID each time.
    Raises BadEvent for a payload that lacks a field.
    """
    guid = str(uuid5(_NAMESPACE, "\0".join((name, *about))))
    delivery = to_delivery(guid, name, payload)
    assert delivery is not None, "stand-ins are made of events that are read"
    return delivery
