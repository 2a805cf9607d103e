"""What is known of a repository's sources: digests of its texts, past changes, and their cache."""

from shared.sources.values import Change, Digest, Hit, Places, Posting, Symbol

__all__ = ["Change", "Digest", "Hit", "Places", "Posting", "Symbol"]
