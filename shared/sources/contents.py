"""What a query asks of one text, packed: of its many definitions and words few are looked at."""

import json
from array import array
from collections.abc import Collection, Iterator, Sequence
from functools import cached_property
from itertools import accumulate, compress
from typing import NamedTuple, Self

from shared.sources.values import Digest, Symbol


class Packed(NamedTuple):
    """The columns of a text: JSON lists, arrays of machine numbers, words one a line."""

    names: str
    """Of the definitions, in the order of the text."""
    heads: str
    """Their kinds, then their signatures."""
    spans: bytes
    """Their first lines, then their last ones, then their parents; four bytes a number."""
    words: str
    """The words that occur in a definition, ascending."""
    ends: bytes
    """For each word where its share of ``places`` ends; four bytes a number."""
    places: bytes
    """The indexes of the definitions, two bytes a number."""


class Contents:
    """The definitions of a text, and in which of them words occur; read as far as asked for.

    A damaged column raises ValueError, TypeError or IndexError here or in a method.
    """

    def __init__(self, packed: Packed) -> None:
        self._packed = packed
        spans = array("i", packed.spans)
        many, rest = divmod(len(spans), 3)
        if rest:
            raise ValueError("spans are not whole")
        self.lines: Sequence[int] = spans[:many]
        """The first line of each definition."""
        self.ends: Sequence[int] = spans[many : 2 * many]
        """The last line of each definition."""
        self._parents = spans[2 * many :]

    @classmethod
    def of(cls, digest: Digest) -> Self:
        """Return what a digest holds."""
        return cls(pack(digest))

    @cached_property
    def names(self) -> Sequence[str]:
        """The names of the definitions."""
        found: list[str] = json.loads(self._packed.names)
        return found

    @cached_property
    def _heads(self) -> Sequence[str]:
        found: list[str] = json.loads(self._packed.heads)
        return found

    def symbol(self, index: int) -> Symbol:
        """Return one definition."""
        heads, many = self._heads, len(self.lines)
        line, end, parent = self.lines[index], self.ends[index], self._parents[index]
        return Symbol(self.names[index], heads[index], heads[many + index], line, end, parent)

    def symbols(self) -> tuple[Symbol, ...]:
        """Return all definitions."""
        return tuple(map(self.symbol, range(len(self.lines))))

    def places(self, words: Collection[str]) -> Iterator[tuple[str, Sequence[int]]]:
        """Yield each of these words, ascending, with the indexes of the definitions it is in."""
        ends = array("I", self._packed.ends)
        if ends:
            places, held = array("H", self._packed.places).tolist(), self._packed.words.split("\n")
            starts = [0, *ends]
            for number in compress(range(len(held)), map(words.__contains__, held)):
                yield held[number], places[starts[number] : ends[number]]


def pack(digest: Digest) -> Packed:
    """Return the columns of a digest."""
    symbols = digest.symbols
    placed = [(word, p.places) for word, p in sorted(digest.postings.items()) if p.places]
    spans = [*(s.line for s in symbols), *(s.end for s in symbols), *(s.parent for s in symbols)]
    return Packed(
        names=json.dumps([symbol.name for symbol in symbols]),
        heads=json.dumps([*(s.kind for s in symbols), *(s.signature for s in symbols)]),
        spans=array("i", spans).tobytes(),
        words="\n".join(word for word, _ in placed),
        ends=array("I", accumulate(len(places) for _, places in placed)).tobytes(),
        places=array("H", [place for _, places in placed for place in places]).tobytes(),
    )
