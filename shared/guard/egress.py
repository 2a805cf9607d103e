"""The one function that everything passes which leaves: comments, commits, payloads, logs.

``release`` looks for secrets, anybody's by form and our own by value, for images and links that
carry data out, terminal controls, mentions and closing keywords; what becomes of a finding is a
matter of the channel. Pure, and linear in the length of the text.
"""

import hashlib
import re
from collections.abc import Iterable, Iterator, Mapping
from enum import StrEnum

from pydantic import ConfigDict

from shared.domain import Value
from shared.guard import outward
from shared.guard.outward import Change
from shared.guard.own import OURS, OwnSecrets
from shared.guard.secret_rules import Span, find_secrets


class Channel(StrEnum):
    """The ways out."""

    COMMENT = "comment"
    PULL_BODY = "pull_body"
    COMMIT_MESSAGE = "commit_message"
    BRANCH_NAME = "branch_name"
    CHECK_RUN = "check_run"
    CLOUD_PAYLOAD = "cloud_payload"
    MCP = "mcp"
    LOG = "log"
    DASHBOARD = "dashboard"


class Kind(StrEnum):
    """What can be wrong with a text that leaves."""

    OWN_SECRET = "own_secret"  # noqa: S105  the name of a kind
    SECRET = "secret"  # noqa: S105  as above
    IMAGE = "image"
    LINK = "link"
    CONTROL = "control"
    MENTION = "mention"
    CLOSING = "closing"
    ENTITY = "entity"
    SKIP = "skip"


class Decision(StrEnum):
    """What became of a text: sent as it is, sent changed, or not sent."""

    PASS = "pass"  # noqa: S105  no password
    REDACT = "redact"
    BLOCK = "block"


class Finding(Value):
    """One thing that was found; ``digest`` (SHA-256, hexadecimal) is what an allow-list names.

    ``start`` and ``end`` are places in the text without its control characters; those of the
    control characters themselves are in the text as it was handed in.
    """

    kind: Kind
    rule: str
    start: int
    end: int
    digest: str


class Released(Value):
    """A text as it may be sent, empty when it may not, and what was found in it."""

    text: str
    decision: Decision
    findings: tuple[Finding, ...] = ()

    @property
    def secrets(self) -> tuple[Finding, ...]:
        """Return the findings that are secrets, of anybody's."""
        return tuple(f for f in self.findings if f.kind in {Kind.SECRET, Kind.OWN_SECRET})

    @property
    def told(self) -> str:
        """Name what was found for the operator's log: rules, and what an allow-list would name."""
        named = dict.fromkeys(_named(finding) for finding in self.findings)
        return ", ".join(list(named)[:_MOST_TOLD])


def _named(finding: Finding) -> str:
    if finding.kind is Kind.SECRET:
        return f"{finding.rule} (if it is none: BATON_EGRESS_ALLOWED={finding.digest})"
    return finding.rule


class Rules(Value):
    """What holds for one text.

    ``allowed`` are digests of false alarms. ``hosts`` are those that images and links may name.
    ``mentions`` may be called, and so many others as ``free_mentions``. ``closes`` are the issues
    that the text may close; None leaves closing keywords alone.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", arbitrary_types_allowed=True)

    own: OwnSecrets = OURS
    allowed: frozenset[str] = frozenset()
    hosts: frozenset[str] = frozenset({"github.com"})
    mentions: frozenset[str] = frozenset()
    free_mentions: int = 0
    closes: frozenset[int] | None = frozenset()


FALSE_ALARMS: set[str] = set()
"""Digests that the operator allows on every way out (``BATON_EGRESS_ALLOWED``)."""

Found = tuple[Kind, str, Change]
_SECRETS = frozenset({Kind.OWN_SECRET, Kind.SECRET, Kind.CONTROL})
_PAGE = _SECRETS | {Kind.IMAGE, Kind.LINK, Kind.MENTION, Kind.ENTITY}
_LOOKED_FOR: Mapping[Channel, frozenset[Kind]] = {
    Channel.COMMENT: _PAGE,
    Channel.PULL_BODY: _PAGE | {Kind.CLOSING, Kind.SKIP},
    Channel.COMMIT_MESSAGE: _SECRETS | {Kind.MENTION, Kind.CLOSING, Kind.SKIP},
    Channel.BRANCH_NAME: _SECRETS,
    Channel.CHECK_RUN: _PAGE,
    Channel.CLOUD_PAYLOAD: _SECRETS,
    Channel.MCP: _SECRETS | {Kind.IMAGE, Kind.LINK},
    Channel.LOG: _SECRETS,
    Channel.DASHBOARD: _SECRETS | {Kind.IMAGE, Kind.LINK},
}
# Where a text cannot be changed without becoming another, or costs nothing to ask for again.
_BLOCKING: Mapping[Channel, frozenset[Kind]] = {
    Channel.BRANCH_NAME: _SECRETS,
    Channel.CLOUD_PAYLOAD: frozenset({Kind.OWN_SECRET}),
    Channel.COMMIT_MESSAGE: frozenset({Kind.OWN_SECRET}),
}
# Signs that mean nothing to Markdown: a bracket could make an image of what stands around it.
_UNSEEN = re.compile("[\u00ad\u200b-\u200f\u2060-\u2064\ufe00-\ufe0f\ufeff]")
_REDACTED = "‹redacted: {}›"
_EVERYWHERE = Rules()
_MOST_TOLD = 5
_MOST_LISTED = 200  # of images, links and mentions; more are mended and not listed


def release(text: str, channel: Channel, rules: Rules = _EVERYWHERE) -> Released:
    """Return what of a text may leave by a channel, and what was found in it."""
    # First of all: what is taken out could have kept two halves of something apart.
    findings, plain = _mended(text, _controls(text), rules)
    others, sent = _mended(plain, _changes(plain, _LOOKED_FOR[channel], rules), rules)
    findings += others
    if any(finding.kind in _BLOCKING.get(channel, ()) for finding in findings):
        return Released(text="", decision=Decision.BLOCK, findings=tuple(findings))
    decision = Decision.PASS if sent == text else Decision.REDACT
    return Released(text=sent, decision=decision, findings=tuple(findings))


def _mended(text: str, changes: Iterable[Found], rules: Rules) -> tuple[list[Finding], str]:
    """Make the changes that are not allowed-for; list what was found."""
    findings: list[Finding] = []
    made: list[Change] = []
    for kind, rule, change in changes:
        start, end, _ = change
        if kind in _SECRETS or len(findings) < _MOST_LISTED:
            named = digest(text[start:end])
            # Our own secrets are never a false alarm.
            allowed = named in rules.allowed or named in FALSE_ALARMS
            if kind is not Kind.OWN_SECRET and allowed:
                continue
            findings.append(Finding(kind=kind, rule=rule, start=start, end=end, digest=named))
        made.append(change)
    return findings, _applied(text, made)


def digest(piece: str) -> str:
    """Identify a finding for an allow-list: the piece of text itself is never kept."""
    return hashlib.sha256(piece.encode("utf-8", "surrogatepass")).hexdigest()


def _controls(text: str) -> Iterator[Found]:
    return ((Kind.CONTROL, Kind.CONTROL.value, change) for change in outward.controls(text))


def _changes(text: str, kinds: frozenset[Kind], rules: Rules) -> Iterator[Found]:
    for start, end in rules.own.find(text):
        yield Kind.OWN_SECRET, "own-secret", (start, end, _REDACTED.format("own-secret"))
    for span in _secrets(text):
        yield Kind.SECRET, span.rule, (span.start, span.end, _REDACTED.format(span.rule))
    others: Mapping[Kind, Iterable[Change]] = {
        Kind.IMAGE: outward.images(text, rules.hosts),
        Kind.LINK: outward.links(text, rules.hosts),
        Kind.MENTION: outward.mentions(text, rules.mentions, rules.free_mentions),
        Kind.ENTITY: outward.entities(text),
        Kind.SKIP: outward.skips(text),
        Kind.CLOSING: () if rules.closes is None else outward.closings(text, rules.closes),
    }
    for kind, changes in others.items():
        if kind in kinds:
            yield from ((kind, kind.value, change) for change in changes)


def _secrets(text: str) -> Iterator[Span]:
    """Find secrets by form, also where characters that nobody sees stand within them."""
    yield from find_secrets(text)
    if not _UNSEEN.search(text):
        return
    places = [n for n, character in enumerate(text) if not _UNSEEN.match(character)]
    for span in find_secrets("".join(text[place] for place in places)):
        start, end = places[span.start], places[span.end - 1] + 1
        if _UNSEEN.search(text, start, end):
            yield Span(rule=span.rule, start=start, end=end)


def _applied(text: str, changes: list[Change]) -> str:
    """Apply changes; of those that overlap the first one stands for all."""
    out: list[str] = []
    at = 0
    for start, end, instead in sorted(changes, key=lambda change: (change[0], -change[1])):
        if start >= at:
            out += [text[at:start], instead]
        at = max(at, end)
    return "".join([*out, text[at:]])
