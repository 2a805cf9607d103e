"""What a query asks of one text, packed: of its many definitions and words few are looked at."""

import hashlib
from array import array
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cached_property, lru_cache
from itertools import accumulate
from typing import NamedTuple, Self

from shared.sources.values import Digest, Symbol


class Packed(NamedTuple):
    """The columns of a text: lines, and arrays of machine numbers."""

    names: str
    """Of the definitions, in the order of the text."""
    heads: str
    """Their kinds, then their signatures, none of which has two lines."""
    spans: bytes
    """Their first lines, then their last ones, then their parents; four bytes a number."""
    words: bytes
    """The keys of the words that occur in a definition, ascending; eight bytes each."""
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
        return self._packed.names.split("\n") if self.lines else ()

    @cached_property
    def _heads(self) -> Sequence[str]:
        return self._packed.heads.split("\n")

    def symbol(self, index: int) -> Symbol:
        """Return one definition."""
        heads, many = self._heads, len(self.lines)
        line, end, parent = self.lines[index], self.ends[index], self._parents[index]
        return Symbol(self.names[index], heads[index], heads[many + index], line, end, parent)

    def symbols(self) -> tuple[Symbol, ...]:
        """Return all definitions."""
        return tuple(map(self.symbol, range(len(self.lines))))

    def places(self, words: Mapping[int, str]) -> Iterator[tuple[str, Sequence[int]]]:
        """Yield those of some ``keyed`` words that occur, with the definitions they are in."""
        held = array("Q", self._packed.words)
        if here := words.keys() & held:
            places, ends = array("H", self._packed.places).tolist(), array("I", self._packed.ends)
            for key, word in words.items():
                if key in here:
                    number = bisect_left(held, key)
                    yield word, places[ends[number - 1] if number else 0 : ends[number]]


def keyed(words: Iterable[str]) -> dict[int, str]:
    """Return words by the keys under which contents hold them, the words ascending."""
    return {_key(word): word for word in sorted(words)}


@lru_cache(maxsize=65_536)
def _key(word: str) -> int:
    """Return eight bytes of a hash: a number is found faster than a text, of which one is made."""
    return int.from_bytes(hashlib.blake2b(word.encode(), digest_size=8).digest())


def pack(digest: Digest) -> Packed:
    """Return the columns of a digest."""
    symbols = digest.symbols
    placed = sorted((_key(word), p.places) for word, p in digest.postings.items() if p.places)
    spans = [*(s.line for s in symbols), *(s.end for s in symbols), *(s.parent for s in symbols)]
    return Packed(
        names=_lines(symbol.name for symbol in symbols),
        heads=_lines([*(s.kind for s in symbols), *(s.signature for s in symbols)]),
        spans=array("i", spans).tobytes(),
        words=array("Q", [key for key, _ in placed]).tobytes(),
        ends=array("I", accumulate(len(places) for _, places in placed)).tobytes(),
        places=array("H", [place for _, places in placed for place in places]).tobytes(),
    )


def _lines(texts: Iterable[str]) -> str:
    return "\n".join(text.replace("\n", " ") for text in texts)
