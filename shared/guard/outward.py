"""Markdown on its way out: nothing in it asks other hosts, calls people or closes issues.

Code and HTML comments are not rendered and stay as they are. Where it is unclear whether
something is code, it is taken for none.
"""

import html
import re
from collections.abc import Callable, Collection, Iterator

from shared.guard.links import host_of, leaking
from shared.guard.markup import code_and_comments

_SPACE = "\u200b"
_IMAGE = re.compile(r"!(?=\[)")
_ADDRESS_OF_IMAGE = re.compile(r"\[[^\[\]\n]*+\]\(\s*+<?([^\s()<>]++)")
_REQUESTS = re.compile(
    r"<(?=(?:img|image|picture|source|video|audio|track|iframe|frame|embed|object|link|svg|input"
    r"|style|script|meta|base|form)\b)",
    re.IGNORECASE,
)
# GitHub draws such a block, with links and labels that are HTML.
_DRAWN = re.compile(r" {0,3}(?:`{3,}|~{3,})[ \t]*(?P<kind>mermaid)\b", re.IGNORECASE)
_MENTION = re.compile(
    r"(?<![A-Za-z0-9])@(?=([A-Za-z0-9][A-Za-z0-9-]{0,38}(?:/[A-Za-z0-9_.-]{1,100})?))"
)
_LEADS = re.compile(r"https?://[\w-]{1,63}(?:\.[\w-]{1,63}){1,8}/(?:[\w.-]{1,99}/){0,8}$")
_LOOK_BACK = 200
_CLOSING = re.compile(
    r"\b(close[sd]?|fix(?:e[sd])?|resolve[sd]?)(?=:?\s{1,9}"
    r"(?:(?P<own>#(?P<number>\d{1,9}))|[\w.-]{1,100}/[\w.-]{1,100}#\d|GH-\d|\[|https?://))",
    re.IGNORECASE,
)
_ENTITY = re.compile(r"&(?:#\d{1,7}|#[xX][0-9a-fA-F]{1,6}|[A-Za-z][A-Za-z0-9]{1,31});")
_DISGUISED = re.compile(r"[A-Za-z0-9@#/:.?=_-]")
# https://docs.github.com/actions/how-tos/manage-workflow-runs/skip-workflow-runs and its like.
_SKIP = re.compile(
    r"\[(?:skip[ -](?:ci|actions?|checks|travis|circle ?ci|netlify|appveyor|buildkite)"
    r"|(?:ci|actions?|travis|netlify)[ -]skip|no[ -]ci)\]|^skip-checks[ \t]*:|\*{3}NO_CI\*{3}",
    re.IGNORECASE | re.MULTILINE,
)
_CONTROL = re.compile(
    r"\x1b\[[0-?]{0,40}[ -/]{0,8}[@-~]"
    r"|\x1b[\]P^_X][^\x07\x1b\n]{0,4000}(?:\x07|\x1b\\)?"
    r"|\x1b[ -/]{0,4}[0-~]?|\r(?!\n)"
    # Such runs stand in no writing, and spell what nobody sees.
    r"|[\u200b-\u200d\u2060-\u2064\ufeff\ufe00-\ufe0f\U000E0100-\U000E01EF]{3,}"
    r"|[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\U000E0000-\U000E007F]"
)
Change = tuple[int, int, str]
"""A piece of the text and what takes its place."""


def controls(text: str) -> Iterator[Change]:
    """Yield terminal controls, characters that turn the direction, and runs of unseen ones."""
    for match in _CONTROL.finditer(text):
        yield *match.span(), ""


def rendered(text: str) -> Callable[[int], bool]:
    """Return a function that tells whether GitHub renders what stands at a place."""
    spans = list(code_and_comments(text))
    at = 0

    def is_rendered(place: int) -> bool:
        nonlocal at
        while at < len(spans) and spans[at][1] <= place:
            at += 1
        return at == len(spans) or place < spans[at][0]

    return is_rendered


def images(text: str, hosts: Collection[str]) -> Iterator[Change]:
    """Yield images and other elements that make the reader's browser ask a foreign host."""
    seen = rendered(text)
    for match in _IMAGE.finditer(text):
        address = _ADDRESS_OF_IMAGE.match(text, match.end())
        if seen(match.start()) and not (address and host_of(address[1]) in hosts):
            yield *match.span(), f"!{_SPACE}"
    for start, end, is_code in code_and_comments(text):
        if is_code and (drawn := _DRAWN.match(text, start, end)):
            yield *drawn.span("kind"), "text"
    seen = rendered(text)
    for match in _REQUESTS.finditer(text):
        if seen(match.start()):
            yield *match.span(), "&lt;"


def mentions(text: str, allowed: Collection[str], free: int) -> Iterator[Change]:
    """Yield mentions of people who are not to be called.

    ``free``: so many others may be, the first ones; teams never.
    """
    seen = rendered(text)
    welcome = {login.casefold() for login in allowed}
    for match in _MENTION.finditer(text):
        login = match[1].casefold()
        if login in welcome or not seen(match.start()) or _is_in_link(text, match.start()):
            continue
        if free and "/" not in login:
            free -= 1
            welcome.add(login)
        else:
            yield *match.span(), f"@{_SPACE}"


def _is_in_link(text: str, place: int) -> bool:
    """Tell whether an @ is a part of an address, as those of npm's packages have it."""
    return bool(_LEADS.search(text[max(0, place - _LOOK_BACK) : place]))


def closings(text: str, allowed: Collection[int]) -> Iterator[Change]:
    """Yield closing keywords before any issue but the allowed ones of this repository."""
    for match in _CLOSING.finditer(text):
        if not match["own"] or int(match["number"]) not in allowed:
            yield match.end(1), match.end(1), _SPACE


def links(text: str, hosts: Collection[str]) -> Iterator[Change]:
    """Yield the parts of links to foreign hosts that carry data out when they are followed."""
    seen = rendered(text)
    for start, end, instead in leaking(text, hosts):
        if seen(start):
            yield start, end, instead


def entities(text: str) -> Iterator[Change]:
    """Yield references to letters and marks that nobody has to escape: they disguise the rest."""
    seen = rendered(text)
    for match in _ENTITY.finditer(text):
        meant = html.unescape(match[0])
        if _DISGUISED.fullmatch(meant) and seen(match.start()):
            yield match.start(), match.start() + 1, "&amp;"


def skips(text: str) -> Iterator[Change]:
    """Yield what would keep checks from running on a commit or a merge."""
    for match in _SKIP.finditer(text):
        yield match.start() + 1, match.start() + 1, _SPACE
