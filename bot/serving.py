"""Run an ASGI application on 127.0.0.1 inside the running event loop."""

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass

import uvicorn
from starlette.types import ASGIApp

from shared.errors import ConfigurationError

_HOST = "127.0.0.1"
# Seconds; httpx lets go of an idle connection after five, as uvicorn does by default: whoever
# asked in that moment lost the answer.
_KEEP_ALIVE = 30


@dataclass(frozen=True)
class Listener:
    """A bound socket whose address is known before anything answers on it."""

    socket: socket.socket
    url: str


def listen(port: int = 0, host: str = _HOST) -> Listener:
    """Bind a port of an IPv4 address; 0 takes a free one.

    Raises ConfigurationError when the port is taken.
    """
    # With the protocol named, asyncio sets TCP_NODELAY; else each answer waits some 40 ms.
    bound = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        bound.bind((host, port))
    except OSError as error:
        bound.close()
        raise ConfigurationError(
            f"Port {port} of {host} cannot be used ({error.strerror}). Choose another port."
        ) from error
    return Listener(bound, f"http://{host}:{bound.getsockname()[1]}")


class _Server(uvicorn.Server):
    """A server that leaves signals to its host and stops as soon as it is told."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.ready = asyncio.Event()
        self._stop = asyncio.Event()

    def stop(self) -> None:
        self.should_exit = True
        self._stop.set()

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield

    async def main_loop(self) -> None:
        self.ready.set()
        seconds = 0
        while not await self.on_tick(10 * seconds):
            seconds += 1
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._stop.wait(), 1)


@contextlib.asynccontextmanager
async def serve(app: ASGIApp, listener: Listener | None = None) -> AsyncIterator[str]:
    """Answer with an ASGI application while the context is open; yield its base URL.

    The application's lifespan runs around it; an error in its start is raised here.
    """
    at = listener or listen()
    config = uvicorn.Config(
        app,
        http="h11",
        lifespan="on",
        log_config=None,
        access_log=False,
        timeout_graceful_shutdown=5,
        timeout_keep_alive=_KEEP_ALIVE,
    )
    server = _Server(config)
    task = asyncio.create_task(_run(server, at.socket))
    ready = asyncio.create_task(server.ready.wait())
    try:
        await asyncio.wait({task, ready}, return_when=asyncio.FIRST_COMPLETED)
        if task.done():
            task.result()
            raise ConfigurationError(f"The server at {at.url} stopped before it answered.")
        yield at.url
    finally:
        ready.cancel()
        server.stop()
        await task


async def _run(server: _Server, listening: socket.socket) -> None:
    try:
        await server.serve(sockets=[listening])
    except SystemExit as error:
        # Uvicorn leaves the process when the lifespan fails; here it is an error like another.
        raise ConfigurationError(
            "The application could not start; the log above has the cause."
        ) from error
    finally:
        listening.close()
