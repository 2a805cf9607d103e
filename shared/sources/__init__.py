"""What is known of a repository's sources: digests of its texts, past changes, and their cache."""

from shared.sources.contents import Contents, keyed
from shared.sources.values import Change, Digest, Hits, Known, Posting, Snapshot, Symbol, parts

__all__ = [
    "Change",
    "Contents",
    "Digest",
    "Hits",
    "Known",
    "Posting",
    "Snapshot",
    "Symbol",
    "keyed",
    "parts",
]
