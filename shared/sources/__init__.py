"""What is known of a repository's sources: digests of its texts, past changes, and their cache."""

from shared.sources.values import Change, Digest, Hit, Posting, Symbol

__all__ = ["Change", "Digest", "Hit", "Posting", "Symbol"]
