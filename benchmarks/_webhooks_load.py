"""Load for a webhook receiver: a client small enough not to be what is measured."""

import asyncio
import itertools
import statistics
import time
from collections.abc import Iterator, Sequence
from typing import NamedTuple
from uuid import uuid4

from pydantic import SecretStr

from webhooks.routes import PATH
from webhooks.signature import sign

CONNECTIONS = 8


class Answers(NamedTuple):
    """How long the answers took, in seconds, and in how long all of them came."""

    seconds: Sequence[float]
    within: float

    @property
    def per_second(self) -> float:
        """Return the answers a second."""
        return len(self.seconds) / self.within

    def percentile(self, percent: int) -> float:
        """Return a percentile in milliseconds."""
        return 1000 * statistics.quantiles(self.seconds, n=100)[percent - 1]


def requests(bodies: Sequence[bytes], secret: SecretStr) -> Iterator[bytes]:
    """Yield signed deliveries, one after the other from the bodies, each with its own GUID."""
    parts = [(_head(body, sign(body, secret)), b"\r\n\r\n" + body) for body in bodies]
    for head, rest in itertools.cycle(parts):
        yield b"%bX-GitHub-Delivery: %b%b" % (head, str(uuid4()).encode(), rest)


def _head(body: bytes, signature: str) -> bytes:
    lines = [
        f"POST {PATH} HTTP/1.1",
        "Host: 127.0.0.1",
        "Content-Type: application/json",
        "User-Agent: GitHub-Hookshot/0f0a4e5",
        "X-GitHub-Event: issues",
        f"X-Hub-Signature-256: {signature}",
        f"Content-Length: {len(body)}",
        "",
    ]
    return "\r\n".join(lines).encode()


class Connection:
    """One kept-alive connection, for one request at a time."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer

    @classmethod
    async def open(cls, url: str) -> "Connection":
        """Connect."""
        host, _, port = url.removeprefix("http://").partition(":")
        return cls(*await asyncio.open_connection(host, int(port)))

    async def send(self, request: bytes) -> None:
        """Send one delivery and read what comes back. Raises AssertionError for a refusal."""
        self._writer.write(request)
        head = (await self._reader.readuntil(b"\r\n\r\n")).lower()
        status = head.split(b" ", 2)[1]
        assert status in {b"200", b"202"}, head
        if b"content-length: " in head:
            length = int(head.partition(b"content-length: ")[2].partition(b"\r\n")[0])
            await self._reader.readexactly(length)
        else:  # chunked
            await self._reader.readuntil(b"0\r\n\r\n")


async def at_full_speed(url: str, feed: Iterator[bytes], seconds: float) -> Answers:
    """Send as fast as the answers come, over a few connections."""
    end = time.perf_counter() + seconds

    async def one_after_the_other(line: Connection) -> list[float]:
        took = []
        while (began := time.perf_counter()) < end:
            await line.send(next(feed))
            took.append(time.perf_counter() - began)
        return took

    lines = [await Connection.open(url) for _ in range(CONNECTIONS)]
    lists = await asyncio.gather(*map(one_after_the_other, lines))
    return Answers(list(itertools.chain.from_iterable(lists)), seconds)


async def at_rate(url: str, feed: Iterator[bytes], rate: int, seconds: float) -> Answers:
    """Send at a fixed rate whatever the answers do, timed from when each was due."""
    free: asyncio.LifoQueue[Connection] = asyncio.LifoQueue()

    async def one(due: float) -> float:
        line = await Connection.open(url) if free.empty() else free.get_nowait()
        await line.send(next(feed))
        free.put_nowait(line)
        return time.perf_counter() - due

    start = time.perf_counter()
    tasks = []
    for number in range(int(rate * seconds)):
        due = start + number / rate
        await asyncio.sleep(max(0.0, due - time.perf_counter()))
        tasks.append(asyncio.create_task(one(due)))
    return Answers(await asyncio.gather(*tasks), seconds)
