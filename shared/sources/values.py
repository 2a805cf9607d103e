"""The values: plain tuples, because a repository has a hundred thousand of them."""

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple


class Symbol(NamedTuple):
    """A definition in a text; lines count from 1, ``parent`` is an index below its own, or -1."""

    name: str
    kind: str
    signature: str
    line: int
    end: int
    parent: int


class Posting(NamedTuple):
    """How often a word occurs in a text.

    ``times`` counts all occurrences, ``defined`` those in names of definitions. ``places``
    are the indexes of the innermost definitions in which it occurs, ascending.
    """

    times: int
    defined: int
    places: tuple[int, ...]


class Hits(NamedTuple):
    """Where one word occurs: in which texts by number, how often, and in names of definitions."""

    texts: Sequence[int]
    times: Sequence[int]
    defined: Sequence[int]


class Known(NamedTuple):
    """The texts that are known by blob id: their numbers in the index, how many words they have."""

    numbers: Mapping[str, int]
    lengths: Mapping[str, int]


class Digest(NamedTuple):
    """All that is kept of one text; ``length`` is its number of words.

    ``imports`` are as the language writes them: ``a.b``, ``.c``, ``./d``, ``crate::e``.
    """

    length: int
    postings: Mapping[str, Posting]
    symbols: tuple[Symbol, ...]
    imports: tuple[str, ...]


class Change(NamedTuple):
    """A commit of the past: its subject and the files that it touched."""

    subject: str
    files: tuple[str, ...]


class Snapshot(NamedTuple):
    """A commit: its files with their blob ids, and the commits before, the latest first."""

    files: Mapping[str, str]
    commits: Sequence[str]


_PART = re.compile(r"\w+")
# A folder above, or the file that stands for a folder.
_UP = re.compile(r"(?:.*/)?\.*(?:/?(?:__init__|index|mod|lib)(?:\.\w+)?)?")


def parts(imports: Iterable[str]) -> frozenset[str]:
    """Return the words of names that are imported; "" for a name that says no more than "up".

    Whatever a name means, the last part of that module's path is among its words, or it is "".
    """
    names = tuple(imports)
    found = frozenset(word for name in names for word in _PART.findall(name))
    return found | {""} if any(map(_UP.fullmatch, names)) else found
