"""Load for a webhook receiver: a client small enough not to be what is measured."""

import asyncio
import itertools
import re
import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple
from uuid import uuid4

from pydantic import SecretStr

from webhooks.routes import PATH
from webhooks.signature import sign

CONNECTIONS = 8

_LENGTH = re.compile(rb"content-length: (\d+)", re.IGNORECASE)
_PATIENCE = 60.0  # seconds, beyond the load itself


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


class Connection(asyncio.Protocol):
    """One kept-alive connection, for one request at a time."""

    def __init__(self) -> None:
        self._transport: asyncio.Transport
        self._answer = bytearray()
        self._done: Callable[[], None] = lambda: None

    @classmethod
    async def open(cls, url: str) -> "Connection":
        """Connect."""
        host, _, port = url.removeprefix("http://").partition(":")
        loop = asyncio.get_running_loop()
        _, made = await loop.create_connection(cls, host, int(port))
        return made

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the way out."""
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def send(self, request: bytes, done: Callable[[], None]) -> None:
        """Send one delivery; ``done`` is called when the whole answer is there."""
        self._done = done
        self._transport.write(request)

    def data_received(self, data: bytes) -> None:
        """Collect an answer. Raises AssertionError for a refusal."""
        self._answer += data
        head, end, body = self._answer.partition(b"\r\n\r\n")
        if not end:
            return
        length = _LENGTH.search(head)
        if length is None and not body.endswith(b"0\r\n\r\n"):  # chunked
            return
        if length is not None and len(body) < int(length[1]):
            return
        assert bytes(head.split(b" ", 2)[1]) in {b"200", b"202"}, head
        self._answer = bytearray()
        self._done()

    def connection_lost(self, error: Exception | None) -> None:
        """Nothing is to be done: whoever waits for an answer waits in vain, and shows it."""
        del error

    def close(self) -> None:
        """Hang up."""
        self._transport.close()


async def at_full_speed(url: str, feed: Iterator[bytes], seconds: float) -> Answers:
    """Send as fast as the answers come, over a few connections."""
    took: list[float] = []
    end = time.perf_counter() + seconds

    async def one_after_the_other(line: Connection) -> None:
        over: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        began = time.perf_counter()

        def answered() -> None:
            nonlocal began
            now = time.perf_counter()
            took.append(now - began)
            if now >= end:
                over.set_result(None)
                return
            began = now
            line.send(next(feed), answered)

        line.send(next(feed), answered)
        await over
        line.close()

    lines = [await Connection.open(url) for _ in range(CONNECTIONS)]
    async with asyncio.timeout(seconds + _PATIENCE):
        await asyncio.gather(*map(one_after_the_other, lines))
    return Answers(took, seconds)


async def at_rate(url: str, feed: Iterator[bytes], rate: int, seconds: float) -> Answers:
    """Send at a fixed rate whatever the answers do, timed from when each was due."""
    free: list[Connection] = []

    async def one(due: float) -> float:
        line = free.pop() if free else await Connection.open(url)
        over: asyncio.Future[float] = asyncio.get_running_loop().create_future()
        line.send(next(feed), lambda: over.set_result(time.perf_counter()))
        answered = await over
        free.append(line)
        return answered - due

    start = time.perf_counter()
    tasks = []
    for number in range(int(rate * seconds)):
        due = start + number / rate
        await asyncio.sleep(max(0.0, due - time.perf_counter()))
        tasks.append(asyncio.create_task(one(due)))
    async with asyncio.timeout(_PATIENCE):
        took = await asyncio.gather(*tasks)
    for line in free:
        line.close()
    return Answers(took, seconds)
