"""What a push asks for, read from the head of its body before git sees it."""

import re
from collections.abc import AsyncIterator

from shared.domain import Value
from shared.errors import GitError

NOTHING = re.compile(r"0+")
"""The object name that stands for no object: a new ref has it before, a deleted one after."""

_MOST_BYTES = 65_536
_SIZE = re.compile(rb"[0-9a-fA-F]{4}")
_SIZE_BYTES = 4
# Shallow lines and signed pushes are left out: who pushes here has whole histories and no keys.
_COMMAND = re.compile(
    rb"(?P<old>[0-9a-f]{40}(?:[0-9a-f]{24})?) (?P<new>[0-9a-f]{40}(?:[0-9a-f]{24})?) "
    rb"(?P<ref>refs/[!-~]+)(?:\0[^\0\n]*)?\n?"
)


class RefUpdate(Value):
    """One ref that a push would move."""

    old: str
    new: str
    ref: str


async def read_updates(body: AsyncIterator[bytes]) -> tuple[tuple[RefUpdate, ...], bytes]:
    """Read the commands of a push; return them with the bytes that were taken from the body.

    Packet lines up to the flush packet, as gitprotocol-pack has them. Raises GitError for
    anything that is not plainly a command, and for more than 64 KiB of them.
    """
    head = _Head(body)
    updates = []
    while line := await head.line():
        found = _COMMAND.fullmatch(line)
        if found is None:
            raise GitError("This push is not a plain list of refs to update.")
        updates.append(
            RefUpdate(**{name: part.decode() for name, part in found.groupdict().items()})
        )
    return tuple(updates), head.taken


async def joined(head: bytes, rest: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """Put a body together again whose head was read."""
    yield head
    async for chunk in rest:
        yield chunk


class _Head:
    """The packet lines at the beginning of a body."""

    def __init__(self, body: AsyncIterator[bytes]) -> None:
        self._body = body
        self._at = 0
        self.taken = b""

    async def line(self) -> bytes:
        """Return the next packet line; nothing at the flush packet."""
        size = await self._read(_SIZE_BYTES)
        if not _SIZE.fullmatch(size):
            raise GitError("This push does not begin with packet lines.")
        length = int(size, 16)
        if length == 0:
            return b""
        if length <= _SIZE_BYTES:
            raise GitError("This push has an empty packet line.")
        return await self._read(length - _SIZE_BYTES)

    async def _read(self, count: int) -> bytes:
        end = self._at + count
        while len(self.taken) < end:
            chunk = await anext(self._body, None)
            if chunk is None or self._at > _MOST_BYTES:
                raise GitError("This push ends early or moves too many refs.")
            self.taken += chunk
        part = self.taken[self._at : end]
        self._at = end
        return part
