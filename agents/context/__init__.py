"""What of a repository an issue is about: files, symbols, tests, a map, and an excerpt.

``locate`` works on digests (``digest``) of the repository's texts, which a cache keeps by blob id.
"""

from collections.abc import Iterable

from agents.context.clues import clues
from agents.context.digest import VERSION, digest
from agents.context.excerpts import Read, excerpt
from agents.context.index import Digests, Index
from agents.context.lexical import search
from agents.context.locating import Located, Repository, locate
from agents.context.ranking import Ranked, ranked
from agents.context.signatures import signature_map
from agents.context.words import words

__all__ = [
    "VERSION",
    "Digests",
    "Index",
    "Located",
    "Ranked",
    "Read",
    "Repository",
    "digest",
    "excerpt",
    "locate",
    "rank",
    "signature_map",
    "words",
]


def rank(query: str, files: Iterable[str], read: Read) -> tuple[Ranked, ...]:
    """Order a few texts that are at hand; the query's first line counts as its title."""
    texts = {path: read(path) or "" for path in files}
    index = Digests({path: digest(path, text) for path, text in texts.items()})
    title, _, body = query.partition("\n")
    asked, named = clues(title, body), {path: path for path in texts}
    found, _ = search(asked, named, {}, index)
    return ranked(asked, named, found, index)
