"""Secrets of anybody, told by their form. The rules are data: ``rules/secrets.toml``.

A match is taken for a secret when it is as random as one: examples from manuals, place-holders
and names of variables are not.
"""

import math
import re
import tomllib
from collections import Counter
from collections.abc import Iterator
from functools import cache
from importlib.resources import files

from shared.domain import Value

_FAKE = re.compile(
    r"example|placeholder|change.?me|dummy|sample|redacted|your[_-]|my[_-]?(?:secret|token|pass|key)"
    r"|x{5,}|\*{3,}|\.{3}|0{7,}|(?:0123|1234|abcd)(?:4567|5678|efgh)"
    # The same digits in base64, and the tokens that jwt.io and PyJWT show.
    r"|MTIzNDU2Nzg|eyJzdWIiOiIxMjM0NTY3ODkwI|eyJzb21lIjoicGF5bG9hZCJ9",
    re.IGNORECASE,
)
_VARIABLE = re.compile(r"<[^>]*>|\$\{?\w|\{\{|%\(")
_NAME = re.compile(r"[A-Za-z_][A-Za-z_]*(?:[._-][A-Za-z_]+)*\d{0,6}")
_PATH = re.compile(r"(?:[\w.-]*/){2,}|https?:|\w+\.(?:py|js|ts|json|ya?ml|toml|pem|txt|env|md)$")
_ALPHANUMERIC = re.compile(r"[A-Za-z0-9]")


class Rule(Value):
    """A form of secret; see the head of the rules' file for the fields."""

    id: str
    words: tuple[str, ...]
    pattern: re.Pattern[str]
    source: str
    entropy: float = 0.0
    least: int = 0
    plain: bool = True


class Span(Value):
    """A piece of a text that a rule names."""

    rule: str
    start: int
    end: int


@cache
def rules() -> tuple[Rule, ...]:
    """Return the packaged rules, in the order of the file: the telling ones come first."""
    text = files("shared.guard").joinpath("rules/secrets.toml").read_text("utf-8")
    return tuple(Rule.model_validate(rule) for rule in tomllib.loads(text)["rule"])


def find_secrets(text: str) -> tuple[Span, ...]:
    """Return the secrets of a text that rules know, in order, none within another."""
    small = text.lower() if text.isascii() else text.casefold()
    found: list[Span] = []
    for rule in rules():
        if any(word in small for word in rule.words):
            found += _matches(rule, text)
    return _apart(found)


def entropy(text: str) -> float:
    """Return Shannon's entropy of a text's characters, in bits a character."""
    size = len(text)
    counts = Counter(text).values()
    return -sum(n / size * math.log2(n / size) for n in counts) if size else 0.0


def _matches(rule: Rule, text: str) -> Iterator[Span]:
    group = "value" if "value" in rule.pattern.groupindex else 0
    for match in rule.pattern.finditer(text):
        start, end = match.span(group) if match[group] is not None else match.span()
        if _is_secret(rule, text[start:end]):
            yield Span(rule=rule.id, start=start, end=end)


def _is_secret(rule: Rule, value: str) -> bool:
    if rule.least and len(_ALPHANUMERIC.findall(value)) < rule.least:
        return False
    if rule.entropy and entropy(value) < rule.entropy:
        return False
    return not _FAKE.search(value) and (rule.plain or _looks_random(value))


def _looks_random(value: str) -> bool:
    """Tell a value from a word, a name, a path or a call: the forms that say little themselves."""
    letters = any(character.isalpha() for character in value)
    others = any(not character.isalpha() for character in value)
    if not letters or not others or _NAME.fullmatch(value):
        return False
    if _PATH.search(value) or _VARIABLE.search(value):
        return False
    return any(character.isdigit() for character in value)


def _apart(found: list[Span]) -> tuple[Span, ...]:
    """Keep, of spans that overlap, the one that starts first, and the longest of those."""
    apart: list[Span] = []
    for span in sorted(found, key=lambda span: (span.start, -span.end)):
        if apart and span.start < apart[-1].end:
            if span.end > apart[-1].end:
                apart[-1] = apart[-1].model_copy(update={"end": span.end})
        else:
            apart.append(span)
    return tuple(apart)
