"""What ranking asks of the digests of a repository, and the answer for texts in memory."""

from collections.abc import Collection, Mapping
from typing import Protocol

from shared.sources import Contents, Digest, Hits, Known, parts


class Index(Protocol):
    """Digests by blob id; a cache on disk is one (``shared.sources.cache``)."""

    def known(self) -> Known:
        """Return the number and the length of every known blob."""
        ...

    def hits(self, words: Collection[str]) -> Mapping[str, Hits]:
        """Return where words occur, in whichever blobs."""
        ...

    def contents(self, blobs: Collection[str]) -> Mapping[str, Contents]:
        """Return the definitions of known blobs, and in which of them words occur."""
        ...

    def imports(self, blobs: Collection[str]) -> Mapping[str, tuple[str, ...]]:
        """Return the imports of known blobs, as written."""
        ...

    def importing(self, words: Collection[str]) -> Mapping[str, tuple[str, ...]]:
        """Return the imports of blobs that have one of these words (``sources.parts``)."""
        ...


class Digests:
    """An index of digests that are at hand."""

    def __init__(self, digests: Mapping[str, Digest]) -> None:
        self._digests = digests

    def known(self) -> Known:
        """Return the number and the length of every blob."""
        numbers = {blob: number for number, blob in enumerate(self._digests)}
        return Known(numbers, {blob: digest.length for blob, digest in self._digests.items()})

    def hits(self, words: Collection[str]) -> Mapping[str, Hits]:
        """Return where words occur."""
        return {word: self._hits(word) for word in words}

    def contents(self, blobs: Collection[str]) -> Mapping[str, Contents]:
        """Return the definitions of blobs, and in which of them words occur."""
        return {blob: Contents.of(self._digests[blob]) for blob in blobs if blob in self._digests}

    def imports(self, blobs: Collection[str]) -> Mapping[str, tuple[str, ...]]:
        """Return the imports of blobs."""
        return {blob: self._digests[blob].imports for blob in blobs if blob in self._digests}

    def importing(self, words: Collection[str]) -> Mapping[str, tuple[str, ...]]:
        """Return the imports of blobs that have one of these words."""
        wanted = frozenset(words)
        return {b: d.imports for b, d in self._digests.items() if wanted & parts(d.imports)}

    def _hits(self, word: str) -> Hits:
        found = [
            (number, posting.times, posting.defined)
            for number, digest in enumerate(self._digests.values())
            if (posting := digest.postings.get(word))
        ]
        return Hits(*zip(*found, strict=True)) if found else Hits((), (), ())


class Once:
    """An index that is asked for each word and each blob's contents once, however often needed."""

    def __init__(self, index: Index, words: Collection[str]) -> None:
        self._index = index
        self._known, self._hits = index.known(), index.hits(words)
        self._contents = dict[str, Contents]()

    def known(self) -> Known:
        """Return the number and the length of every known blob."""
        return self._known

    def hits(self, words: Collection[str]) -> Mapping[str, Hits]:
        """Return where words occur, of those that were asked for at first."""
        return {word: self._hits[word] for word in words}

    def contents(self, blobs: Collection[str]) -> Mapping[str, Contents]:
        """Return the definitions of known blobs, and in which of them words occur."""
        self._contents |= self._index.contents([b for b in blobs if b not in self._contents])
        return {blob: self._contents[blob] for blob in blobs if blob in self._contents}

    def imports(self, blobs: Collection[str]) -> Mapping[str, tuple[str, ...]]:
        """Return the imports of known blobs, as written."""
        return self._index.imports(blobs)

    def importing(self, words: Collection[str]) -> Mapping[str, tuple[str, ...]]:
        """Return the imports of blobs that have one of these words."""
        return self._index.importing(words)
