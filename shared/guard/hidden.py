"""What was found hidden in a text: kinds that templates put into words, and how many of each."""

from collections.abc import Iterable
from enum import StrEnum

from shared.domain import Value


class Hidden(StrEnum):
    """The ways in which a text holds what people do not see."""

    CONTROL = "control"
    FORMAT = "format"
    BIDI = "bidi"
    TAG = "tag"
    VARIATION = "variation"
    PRIVATE = "private"
    UNASSIGNED = "unassigned"
    FILLER = "filler"
    MARKS = "marks"
    COMMENT = "comment"
    DEFINITION = "definition"
    IMAGE = "image"
    TITLE = "title"
    ATTRIBUTE = "attribute"
    LENGTH = "length"
    LOOKALIKE = "lookalike"
    LOOKALIKE_COMMAND = "lookalike_command"

    @property
    def is_removed(self) -> bool:
        """Tell whether it was taken out; look-alikes stay in and are only reported."""
        return self not in {Hidden.LOOKALIKE, Hidden.LOOKALIKE_COMMAND}

    @property
    def is_deliberate(self) -> bool:
        """Tell whether hardly anybody writes it by accident.

        Comments, alternative texts and soft hyphens are in every other honest issue.
        """
        return self in _DELIBERATE


_DELIBERATE = {
    Hidden.BIDI,
    Hidden.TAG,
    Hidden.PRIVATE,
    Hidden.FILLER,
    Hidden.LOOKALIKE_COMMAND,
}


class Found(Value):
    """One kind of hidden thing, and how many there were (characters, or constructs)."""

    kind: Hidden
    count: int


class Findings:
    """Collects what is taken out of one text, in the order of its kinds."""

    def __init__(self) -> None:
        self._counts: dict[Hidden, int] = {}
        self._texts: list[str] = []

    def note(self, kind: Hidden, text: str = "", count: int = 1) -> None:
        """Count one thing, and keep what it said."""
        self._counts[kind] = self._counts.get(kind, 0) + count
        self.keep(text)

    def keep(self, text: str) -> None:
        """Keep what hidden things said."""
        if text.strip():
            self._texts.append(text)

    @property
    def counted(self) -> tuple[Found, ...]:
        """Return what was found."""
        counts = self._counts
        return tuple(Found(kind=kind, count=counts[kind]) for kind in Hidden if kind in counts)

    @property
    def said(self) -> str:
        """Return the hidden text itself, to be judged and never to be shown to a model."""
        return "\n".join(self._texts)


def total(found: Iterable[Found]) -> int:
    """Return how many things were taken out."""
    return sum(one.count for one in found if one.kind.is_removed)
