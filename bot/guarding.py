"""The guards in the way of the service: what it knows, what it was told, what its pages show."""

from typing import TypeVar

from bot.commands import Verb
from shared.domain import Issue, Value
from shared.guard.egress import FALSE_ALARMS, Channel, release
from shared.guard.injection import caution_about
from shared.guard.own import OURS
from shared.guard.text import Cleaned, clean
from shared.settings import Settings

V = TypeVar("V", bound=Value)
_VERBS = frozenset(verb.value for verb in Verb)


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


def look(title: str, *pages: str) -> Cleaned:
    """Return what people see of a title and of pages that GitHub renders, and what is hidden."""
    seen = [clean(title, markdown=False, verbs=_VERBS)]
    seen += [clean(page, verbs=_VERBS) for page in pages]
    return Cleaned(
        text="\n".join(one.text for one in seen),
        found=tuple(found for one in seen for found in one.found),
        hidden="\n".join(one.hidden for one in seen if one.hidden),
    )


def signs_in(issue: Issue) -> tuple[str, ...]:
    """Name the signs that an issue speaks to a model, when there are enough for a person to look.

    They only ever add a question; that there are none grants nothing.
    """
    caution = caution_about(look(issue.title, issue.body))
    return caution.signs if caution.is_due else ()
