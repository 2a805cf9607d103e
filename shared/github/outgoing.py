"""What is written to GitHub, examined on its way out: the one place that every write passes."""

import logging
from collections.abc import Collection, Mapping

from shared.errors import Refused
from shared.github.limits import BODY, cut
from shared.guard.egress import Channel, Decision, Released, Rules, release
from shared.guard.outward import closings

log = logging.getLogger(__name__)

_TEXTS = frozenset({"title", "body", "summary", "text", "message", "raw_details", "description"})
_BRANCHES = frozenset({"head"})


def examined(url: str, body: Mapping[str, object], host: str) -> dict[str, object]:
    """Return a request's body with every text in it as it may leave.

    ``host`` is GitHub's own; images and links there are welcome.
    Raises Refused when a text may not leave at all.
    """
    channel = _channel(url)
    # Which issue a pull request may close is not known here; see `closing_only`.
    rules = Rules(
        hosts=frozenset({host, "github.com"}),
        free_mentions=int(channel is Channel.COMMENT),
        closes=None,
    )
    return {key: _examined(key, value, channel, rules) for key, value in body.items()}


def closing_only(text: str, issues: Collection[int]) -> str:
    """Return a pull request's text in which closing keywords stand before these issues only."""
    out, at = [], 0
    for start, end, instead in closings(text, issues):
        out += [text[at:start], instead]
        at = end
    return "".join([*out, text[at:]])


def _examined(key: str, value: object, channel: Channel, rules: Rules) -> object:
    if isinstance(value, Mapping):
        return {k: _examined(str(k), v, channel, rules) for k, v in value.items()}
    if isinstance(value, list):
        return [_examined(key, one, channel, rules) for one in value]
    if isinstance(value, str) and key in _TEXTS:
        seen = _sent(release(value, channel, rules), channel)
        # Only what grew has to be cut again.
        return cut(seen, BODY) if len(seen) > len(value) else seen
    if isinstance(value, str) and key in _BRANCHES:
        return _sent(release(value, Channel.BRANCH_NAME, rules), Channel.BRANCH_NAME)
    if isinstance(value, str):  # a name, a path, an id: not rendered, but it may hold a secret
        return _sent(release(value, Channel.LOG, rules), channel)
    return value


def _sent(released: Released, channel: Channel) -> str:
    name = channel.value.replace("_", " ")
    if released.decision is not Decision.BLOCK:
        if released.secrets:
            log.warning("Taken out of a %s for GitHub: %s", name, released.told)
        return released.text
    raise Refused(
        f"Baton did not send a {name} to GitHub, since it holds what must not leave "
        f"({released.told}). Look at where the text comes from, and change the secret if others "
        "may have read it."
    )


def _channel(url: str) -> Channel:
    if "/check-runs" in url:
        return Channel.CHECK_RUN
    is_pull = "/pulls" in url and "/comments" not in url
    return Channel.PULL_BODY if is_pull else Channel.COMMENT
