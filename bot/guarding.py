"""The guards in the way of the service: what it learns at its start, what its pages may show."""

from typing import TypeVar

from shared.domain import Value
from shared.guard.egress import FALSE_ALARMS, Channel, release
from shared.guard.own import OURS
from shared.settings import Settings

V = TypeVar("V", bound=Value)


def learn(settings: Settings) -> None:
    """Know this process's secrets and the operator's false alarms, before anything is said.

    The App's key and GitHub's tokens are learnt where they are read. Raises ConfigurationError.
    """
    for secret in settings.secrets():
        OURS.learn(secret)
    FALSE_ALARMS.update(settings.egress_allowed)


def shown(value: V) -> V:
    """Return a value whose texts may be shown on a page of this machine."""
    return type(value).model_validate(_safe(value.model_dump()))


def _safe(node: object) -> object:
    if type(node) is str:  # not an enum
        return release(node, Channel.DASHBOARD).text
    if isinstance(node, dict):
        return {key: _safe(one) for key, one in node.items()}
    return [_safe(one) for one in node] if isinstance(node, list | tuple) else node
