"""Words of code and prose: identifiers also in their parts, plurals as singulars."""

import re
from functools import lru_cache

_WORD = re.compile(r"[A-Za-z_][A-Za-z0-9_]*|[^\W\d_a-zA-Z]+")
_HUMP = re.compile(r"[A-Z]+(?=[A-Z][a-z])|[A-Z]?[a-z]+|[A-Z]+|\d+|[^\W\d_a-zA-Z]+")
_LONGEST = 60  # a longer "word" is data
_SHORTEST_PLURAL = 4
_COMMON = frozenset(
    "a an and are as at be but by can do does for from has have if in is it its not of on or so "  # noqa: SIM905 - a list of forty words reads worse
    "that the then there this to was when which will with you should would".split()
)


def words(text: str) -> list[str]:
    """Split a text into lower-case words, identifiers also into their parts."""
    return [part for word in _WORD.findall(text) for part in _parts(word)]


def stems(text: str) -> list[str]:
    """Do the same, with a plural's s taken off."""
    return [stem for word in _WORD.findall(text) for stem in _stemmed(word)]


@lru_cache(maxsize=65_536)
def _parts(word: str) -> tuple[str, ...]:
    if len(word) > _LONGEST:
        return ()
    parts = [part.casefold() for part in _HUMP.findall(word)]
    whole = word.casefold()
    found = parts if len(parts) == 1 else [whole, *parts]
    return tuple(part for part in found if part not in _COMMON)


@lru_cache(maxsize=65_536)
def _stemmed(word: str) -> tuple[str, ...]:
    return tuple(map(stem, _parts(word)))


def stem(word: str) -> str:
    """Take a plural's s off."""
    plural = len(word) >= _SHORTEST_PLURAL and word.endswith("s") and not word.endswith("ss")
    return word[:-1] if plural else word
