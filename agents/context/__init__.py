"""What of a repository an issue is about: files, symbols, tests, and an excerpt of them."""

from agents.context.excerpts import Ranked, Read, excerpt, rank
from agents.context.words import words

__all__ = ["Ranked", "Read", "excerpt", "rank", "words"]
