"""What ranking asks of the digests of a repository, and the answer for texts in memory."""

from collections.abc import Collection, Iterable, Mapping
from typing import Protocol

from shared.sources import Digest, Hit, Symbol


class Index(Protocol):
    """Digests by blob id; a cache on disk is one (``shared.sources.cache``)."""

    def lengths(self) -> Mapping[str, int]:
        """Return the number of words of every known blob."""
        ...

    def hits(self, words: Collection[str]) -> Iterable[Hit]:
        """Return where words occur, in whichever blobs."""
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
                    yield Hit(word, blob, posting)

    def symbols(self, blobs: Collection[str]) -> Mapping[str, tuple[Symbol, ...]]:
        """Return the definitions of blobs."""
        return {blob: self._digests[blob].symbols for blob in blobs if blob in self._digests}

    def imports(self, blobs: Collection[str]) -> Mapping[str, tuple[str, ...]]:
        """Return the imports of blobs."""
        return {blob: self._digests[blob].imports for blob in blobs if blob in self._digests}
