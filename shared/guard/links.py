"""Links on their way out: those that would carry data to a foreign host when they are followed."""

import re
from collections.abc import Collection, Iterator
from urllib.parse import unquote, urlsplit

from shared.guard.secret_rules import entropy

Cut = tuple[int, str]
"""From where on a link goes, and what stands there instead."""

# What GitHub makes a link of: addresses, also without a scheme where Markdown wants one, and
# with the backslashes that Markdown takes away.
_LINK = re.compile(
    r"(?:(?:https?|ftp):\\?/\\?/|mailto:|(?<![\w.:/@-])www\.|(?<=\]\()\\?/\\?/|(?<=\]\(<)\\?/\\?/"
    r"|(?<=\]: )\\?/\\?/)[^\s<>\"'`)\]}|]{4,4000}",
    re.IGNORECASE,
)
_ESCAPED = re.compile(r"\\([!-/:-@\[-`{-~])")
_GONE = "‹link removed›"
_LONG_DATA = 64  # characters of one value that nobody types
_RANDOM_DATA = 24  # characters that are data when they are random, too
_RANDOM = 3.3  # bits a character; phrases reach it, too, but seldom with a digit
_HEX = re.compile(r"[0-9a-f]+", re.IGNORECASE)


def leaking(text: str, hosts: Collection[str]) -> Iterator[tuple[int, int, str]]:
    """Yield the parts of links to foreign hosts that carry data out, and what to put there."""
    for match in _LINK.finditer(text):
        if cut := _cut(match[0], hosts):
            yield match.start() + cut[0], match.end(), cut[1]


def host_of(address: str) -> str:
    """Return the host of an address; nothing when there is none."""
    try:
        return urlsplit(address).hostname or ""
    except ValueError:
        return ""


def _cut(written: str, hosts: Collection[str]) -> Cut | None:
    """Say what of a link has to go; None when all of it may stay."""
    address = _ESCAPED.sub(r"\1", written)
    try:
        parts = urlsplit(_whole(address))
        host = parts.hostname or ""
    except ValueError:
        return 0, _GONE
    if host in hosts:
        return None
    if any(_carries(label, _RANDOM_DATA) for label in host.split(".")):
        return 0, _GONE
    for mark, part in (("?", parts.query), ("#", parts.fragment)):
        if _has_data(part):
            return (0, _GONE) if "\\" in written else (written.index(mark), f"{mark}‹data removed›")
    if _is_loaded(parts.path):
        at = written.find("/", written.find("//") + 2)
        return (0, _GONE) if "\\" in written or at < 0 else (at, "/‹data removed›")
    return None


def _whole(address: str) -> str:
    if address.startswith("//"):
        return f"https:{address}"
    return f"https://{address}" if address[:4].casefold() == "www." else address


def _has_data(query: str) -> bool:
    values = [value for pair in query.split("&") for value in pair.split("=", 1)]
    return any(len(unquote(v)) >= _LONG_DATA or _carries(v, _RANDOM_DATA) for v in values)


def _is_loaded(path: str) -> bool:
    """Tell whether a path carries data, in one step or in several; digests are no data."""
    random = [step for step in path.split("/") if _carries(step, _RANDOM_DATA)]
    return sum(len(step) for step in random if not _HEX.fullmatch(step)) >= 2 * _RANDOM_DATA


def _carries(text: str, least: int) -> bool:
    plain = unquote(text)
    if len(plain) < least or ("-" in plain.strip("-") and " " not in plain and plain.islower()):
        return False
    if _HEX.fullmatch(plain):
        return True
    return entropy(plain) >= _RANDOM and any(c.isdigit() for c in plain)
