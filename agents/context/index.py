"""What ranking asks of the digests of a repository, and the answer for texts in memory."""

import itertools
from collections.abc import Collection, Iterable, Mapping
from typing import Protocol

from shared.sources import Digest, Hit, Places, Symbol


class Index(Protocol):
    """Digests by blob id; a cache on disk is one (``shared.sources.cache``)."""

    def lengths(self) -> Mapping[str, int]:
        """Return the number of words of every known blob."""
        ...

    def hits(self, words: Collection[str]) -> Iterable[Hit]:
        """Return where words occur, in whichever blobs."""
        ...

    def places(self, words: Collection[str], blobs: Collection[str]) -> Mapping[str, Places]:
        """Return for known blobs in which of their definitions words occur."""
        ...

    def symbols(self, blobs: Collection[str]) -> Mapping[str, tuple[Symbol, ...]]:
        """Return the definitions of known blobs."""
        ...

    def imports(self, blobs: Collection[str]) -> Mapping[str, tuple[str, ...]]:
        """Return the imports of known blobs, as written."""
        ...


class Digests:
    """An index of digests that are at hand."""

    def __init__(self, digests: Mapping[str, Digest]) -> None:
        self._digests = digests

    def lengths(self) -> Mapping[str, int]:
        """Return the number of words of every blob."""
        return {blob: digest.length for blob, digest in self._digests.items()}

    def hits(self, words: Collection[str]) -> Iterable[Hit]:
        """Return where words occur."""
        for blob, digest in self._digests.items():
            for word in words:
                if posting := digest.postings.get(word):
                    yield word, blob, posting.times, posting.defined

    def places(self, words: Collection[str], blobs: Collection[str]) -> Mapping[str, Places]:
        """Return for blobs in which of their definitions words occur."""
        return {
            blob: {word: found[word].places for word in words if word in found}
            for blob in blobs
            if (found := self._digests[blob].postings)
        }

    def symbols(self, blobs: Collection[str]) -> Mapping[str, tuple[Symbol, ...]]:
        """Return the definitions of blobs."""
        return {blob: self._digests[blob].symbols for blob in blobs if blob in self._digests}

    def imports(self, blobs: Collection[str]) -> Mapping[str, tuple[str, ...]]:
        """Return the imports of blobs."""
        return {blob: self._digests[blob].imports for blob in blobs if blob in self._digests}


class Once:
    """An index that is asked for each word only once, however often it is needed."""

    def __init__(self, index: Index, words: Collection[str]) -> None:
        self._index, self._lengths = index, index.lengths()
        self._hits: dict[str, list[Hit]] = {word: [] for word in words}
        for hit in index.hits(words):
            self._hits[hit[0]].append(hit)

    def lengths(self) -> Mapping[str, int]:
        """Return the number of words of every known blob."""
        return self._lengths

    def hits(self, words: Collection[str]) -> Iterable[Hit]:
        """Return where words occur, of those that were asked for at first."""
        return itertools.chain.from_iterable(self._hits[word] for word in words)

    def places(self, words: Collection[str], blobs: Collection[str]) -> Mapping[str, Places]:
        """Return for known blobs in which of their definitions words occur."""
        return self._index.places(words, blobs)

    def symbols(self, blobs: Collection[str]) -> Mapping[str, tuple[Symbol, ...]]:
        """Return the definitions of known blobs."""
        return self._index.symbols(blobs)

    def imports(self, blobs: Collection[str]) -> Mapping[str, tuple[str, ...]]:
        """Return the imports of known blobs, as written."""
        return self._index.imports(blobs)
