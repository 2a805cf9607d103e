"""The line between a worker and everybody else, which a test can cut.

Where the kernel allows it each worker lives in a network namespace of its own, at the far end of
a virtual cable whose near end can be taken down. Elsewhere it lives on this machine, and what it
says to others goes through forwarders that fall silent, as a dead line does.
"""

import asyncio
import contextlib
import itertools
import os
import secrets
import shutil
import subprocess
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from dataclasses import dataclass, field

_CHUNK = 65_536
_count = itertools.count()


def namespaces_work() -> bool:
    """Tell whether this process may make network namespaces."""
    if os.geteuid() != 0 or shutil.which("ip") is None:
        return False
    name = f"baton-{secrets.token_hex(3)}"
    made = subprocess.run(["ip", "netns", "add", name], check=False, capture_output=True)
    subprocess.run(["ip", "netns", "del", name], check=False, capture_output=True)
    return made.returncode == 0


@dataclass
class Cable:
    """What a worker is connected by."""

    host: str
    """The address at which the worker finds everybody else."""
    command: tuple[str, ...] = ()
    """What a command begins with to run at the worker's end."""
    _set_link: Callable[[str], None] = lambda _: None
    _open: asyncio.Event = field(default_factory=asyncio.Event)
    _forwarders: contextlib.AsyncExitStack = field(default_factory=contextlib.AsyncExitStack)

    async def reach(self, port: int) -> int:
        """Make a port of this machine reachable for the worker; return the port to use there."""

        async def forward(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await self._forward(port, reader, writer)

        server = await asyncio.start_server(forward, self.host, 0)
        await self._forwarders.enter_async_context(server)
        return int(server.sockets[0].getsockname()[1])

    def cut(self) -> None:
        """Let nothing through any more, in either direction, without a word to anybody."""
        self._open.clear()
        self._set_link("down")

    def mend(self) -> None:
        """Let everything through again."""
        self._set_link("up")
        self._open.set()

    async def _forward(
        self, port: int, near: asyncio.StreamReader, back: asyncio.StreamWriter
    ) -> None:
        try:
            await self._open.wait()
            far, out = await asyncio.open_connection("127.0.0.1", port)
            async with asyncio.TaskGroup() as group:
                group.create_task(self._pump(near, out))
                group.create_task(self._pump(far, back))
        except* OSError:
            pass
        finally:
            back.close()

    async def _pump(self, source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
        try:
            while chunk := await source.read(_CHUNK):
                await self._open.wait()
                sink.write(chunk)
                await sink.drain()
        finally:
            sink.close()


@contextlib.asynccontextmanager
async def laid(*, isolated: bool) -> AsyncIterator[Cable]:
    """Lay a cable to a worker; `isolated` puts the worker into a network namespace."""
    async with contextlib.AsyncExitStack() as stack:
        cable = stack.enter_context(_virtual()) if isolated else Cable("127.0.0.1")
        cable.mend()
        try:
            yield cable
        finally:
            cable.mend()
            await _close(cable._forwarders.aclose)  # noqa: SLF001  the other half of the class


async def _close(close: Callable[[], Awaitable[None]]) -> None:
    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(close(), 1)


@contextlib.contextmanager
def _virtual() -> Iterator[Cable]:
    """Make a namespace, and a pair of interfaces between it and this one."""
    tag = f"{os.getpid() % 10_000}{next(_count)}{secrets.token_hex(2)}"
    name, near, far = f"baton-{tag}", f"bn{tag}", f"bf{tag}"
    subnet = f"10.{64 + secrets.randbelow(128)}.{secrets.randbelow(256)}"
    _ip("netns", "add", name)
    try:
        _ip("link", "add", near, "type", "veth", "peer", "name", far, "netns", name)
        _ip("address", "add", f"{subnet}.1/30", "dev", near)
        _ip("link", "set", near, "up")
        _ip("-n", name, "address", "add", f"{subnet}.2/30", "dev", far)
        _ip("-n", name, "link", "set", far, "up")
        _ip("-n", name, "link", "set", "lo", "up")
        yield Cable(
            f"{subnet}.1",
            ("ip", "netns", "exec", name),
            lambda state: _ip("link", "set", near, state),
        )
    finally:
        _ip("netns", "del", name)  # and with it both interfaces


def _ip(*words: str) -> None:
    subprocess.run(["ip", *words], check=True, capture_output=True)
