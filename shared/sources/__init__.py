"""What is known of a repository's sources: digests of its texts, past changes, and their cache."""

from shared.sources.values import Change, Digest, Hits, Known, Places, Posting, Symbol, parts

__all__ = ["Change", "Digest", "Hits", "Known", "Places", "Posting", "Symbol", "parts"]
