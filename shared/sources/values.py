"""The values: plain tuples, because a repository has a hundred thousand of them."""

from collections.abc import Mapping
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


Hit = tuple[str, str, int, int]
"""A word, a blob with it, how often it occurs there, and how often in names of definitions."""


Places = Mapping[str, tuple[int, ...]]
"""By word, the indexes of the definitions of one text in which it occurs."""


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
