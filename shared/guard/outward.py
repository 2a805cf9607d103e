"""Markdown on its way out: nothing in it asks other hosts, calls people or closes issues.

Code and HTML comments are not rendered and stay as they are. Where it is unclear whether
something is code, it is taken for none.
"""

import re
from collections.abc import Callable, Collection, Iterator
from urllib.parse import unquote, urlsplit

from shared.guard.markup import code_and_comments
from shared.guard.secret_rules import entropy

_SPACE = "\u200b"
_IMAGE = re.compile(r"!(?=\[)")
_ADDRESS_OF_IMAGE = re.compile(r"\[[^\[\]\n]*+\]\(\s*+<?([^\s()<>]++)")
_REQUESTS = re.compile(
    r"<(?=(?:img|image|picture|source|video|audio|track|iframe|frame|embed|object|link|svg|input"
    r"|style|script|meta|base|form)\b)",
    re.IGNORECASE,
)
_MENTION = re.compile(r"(?<![\w`/])@(?=([A-Za-z0-9][A-Za-z0-9-]{0,38}(?:/[A-Za-z0-9_.-]{1,100})?))")
_CLOSING = re.compile(
    r"\b(close[sd]?|fix(?:e[sd])?|resolve[sd]?)(?=:?[ \t]{1,9}"
    r"(?:(?P<own>#(?P<number>\d{1,9}))|[\w.-]{1,100}/[\w.-]{1,100}#\d|GH-\d|\[|https?://))",
    re.IGNORECASE,
)
_LINK = re.compile(r"https?://[^\s<>\"'`)\]}|\\]{4,4000}", re.IGNORECASE)
_CONTROL = re.compile(
    r"\x1b\[[0-?]{0,40}[ -/]{0,8}[@-~]"
    r"|\x1b[\]P^_X][^\x07\x1b\n]{0,4000}(?:\x07|\x1b\\)?"
    r"|\x1b[ -/]{0,4}[0-~]?|\r(?!\n)"
    r"|[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\U000E0000-\U000E007F]"
)
_LONG_DATA = 64  # characters of one value that nobody types
_RANDOM_DATA = 24  # characters that are data when they are random, too
_RANDOM = 3.3  # bits a character; phrases reach it, too, but seldom with a digit
_HEX = re.compile(r"[0-9a-f]+", re.IGNORECASE)

Change = tuple[int, int, str]
"""A piece of the text and what takes its place."""


def controls(text: str) -> Iterator[Change]:
    """Yield terminal controls and characters that turn the direction; they are taken out."""
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
        if seen(match.start()) and not (address and _host(address[1]) in hosts):
            yield *match.span(), f"!{_SPACE}"
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
        if login in welcome or not seen(match.start()):
            continue
        if free and "/" not in login:
            free -= 1
            welcome.add(login)
        else:
            yield *match.span(), f"@{_SPACE}"


def closings(text: str, allowed: Collection[int]) -> Iterator[Change]:
    """Yield closing keywords before any issue but the allowed ones of this repository."""
    for match in _CLOSING.finditer(text):
        if not match["own"] or int(match["number"]) not in allowed:
            yield match.end(1), match.end(1), _SPACE


def links(text: str, hosts: Collection[str]) -> Iterator[Change]:
    """Yield the parts of links to foreign hosts that carry data out when they are followed."""
    seen = rendered(text)
    for match in _LINK.finditer(text):
        if not seen(match.start()):
            continue
        try:
            parts = urlsplit(match[0])
            host = parts.hostname or ""
        except ValueError:
            yield *match.span(), "‹link removed›"
            continue
        if host in hosts:
            continue
        if any(_carries(label, _RANDOM_DATA) for label in host.split(".")):
            yield *match.span(), "‹link removed›"
            continue
        end = match.start() + len(match[0])
        for mark, part in (("?", parts.query), ("#", parts.fragment)):
            if _has_data(part):
                yield match.start() + match[0].index(mark), end, f"{mark}‹data removed›"
                break
        else:
            if any(_carries(one, 2 * _RANDOM_DATA) for one in parts.path.split("/")):
                yield match.start() + match[0].index(host) + len(host), end, "/‹data removed›"


def _has_data(query: str) -> bool:
    values = [value for pair in query.split("&") for value in pair.split("=", 1)]
    return any(len(unquote(v)) >= _LONG_DATA or _carries(v, _RANDOM_DATA) for v in values)


def _carries(text: str, least: int) -> bool:
    plain = unquote(text)
    if len(plain) < least or ("-" in plain.strip("-") and " " not in plain and plain.islower()):
        return False
    if _HEX.fullmatch(plain):
        return least == _RANDOM_DATA
    return entropy(plain) >= _RANDOM and any(c.isdigit() for c in plain)


def _host(address: str) -> str:
    try:
        return urlsplit(address).hostname or ""
    except ValueError:
        return ""
