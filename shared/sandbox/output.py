"""Keep the beginning and the end of an output of any length in bounded memory."""

import asyncio

_CHUNK = 64 * 1024
# More than any honest build or test writes.
_FLOOD_BYTES = 32 * 1024**2


class Output:
    """The first and the last bytes of a stream, and the count of all of them."""

    def __init__(self, limit: int) -> None:
        self._head_limit = (limit + 1) // 2
        self._tail_limit = limit // 2
        self._head = bytearray()
        self._tail = bytearray()
        self._flood = limit + _FLOOD_BYTES
        self.total = 0

    @property
    def is_flood(self) -> bool:
        """Tell whether the stream is longer than any honest output."""
        return self.total > self._flood

    def add(self, chunk: bytes) -> None:
        """Take the next bytes, and let go of those in the middle."""
        self.total += len(chunk)
        room = self._head_limit - len(self._head)
        self._head += chunk[:room]
        self._tail += chunk[room:]
        excess = len(self._tail) - self._tail_limit
        if excess > 0:
            del self._tail[:excess]

    def text(self) -> str:
        """Return what was kept; bytes that are not UTF-8 are replaced."""
        left_out = self.total - len(self._head) - len(self._tail)
        head = self._head.decode(errors="replace")
        tail = self._tail.decode(errors="replace")
        if not left_out:
            return (self._head + self._tail).decode(errors="replace")
        return f"{head}\n[... {left_out} bytes left out ...]\n{tail}"


async def collect(stream: asyncio.StreamReader, output: Output, flood: asyncio.Event) -> None:
    """Read until the end of the stream, or until it turns out to be a flood and say so."""
    while chunk := await stream.read(_CHUNK):
        output.add(chunk)
        if output.is_flood:
            flood.set()
            return
