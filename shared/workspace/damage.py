"""Damage that a change does to a text in passing, and that no test shows."""

from collections.abc import Iterator

_UNREAD = "\N{REPLACEMENT CHARACTER}"


def damaged(before: str | None, after: str | None) -> Iterator[str]:
    """Name line endings that differ from those that a text had throughout, and letters lost."""
    if after is None:
        return
    known = _endings(before or "")
    if len(known) == 1 and not _endings(after) <= known:
        yield "has other line endings than before"
    if after.count(_UNREAD) > (before or "").count(_UNREAD):
        yield "has letters that could not be read"


def _endings(text: str) -> set[str]:
    dos = text.count("\r\n")
    found = {"\r\n"} if dos else set[str]()
    return found | {"\n"} if text.count("\n") > dos else found
