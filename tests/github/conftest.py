"""A server on 127.0.0.1 that answers as it is told, one answer after the other."""

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field

import pytest
from githubkit.auth import TokenAuthStrategy
from pydantic import SecretStr
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.types import Receive, Scope, Send

from bot.demo.serving import serve
from shared.github.client import Client
from shared.github.pace import Pace, Turnstile
from shared.github.urls import GitHubUrls

TOKEN = SecretStr("ghp_0123456789abcdefghijABCDEFGHIJ012345")


@dataclass
class Scripted:
    """Answers with the next status or response; keeps what it was asked."""

    answers: list[int | Response] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)
    ports: set[int] = field(default_factory=set)
    busy: int = 0
    busiest: int = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] == "lifespan":
            await _lifespan(receive, send)
            return
        self.busy += 1
        self.busiest = max(self.busy, self.busiest)
        request = Request(scope, receive)
        await request.body()
        self.asked.append(f"{request.method} {scope['raw_path'].decode()}")
        self.headers.append(dict(request.headers))
        self.ports.add(scope["client"][1])
        await asyncio.sleep(0)
        answer = self.answers.pop(0) if self.answers else 200
        response = answer if isinstance(answer, Response) else as_github(answer)
        self.busy -= 1
        await response(scope, receive, send)


def as_github(
    status: int, message: str = "as told", headers: dict[str, str] | None = None
) -> JSONResponse:
    """Answer in GitHub's form; a success is a branch."""
    branch = {"name": "main", "commit": {"sha": "a" * 40}}
    body = branch if status < 300 else {"message": message, "status": str(status)}
    return JSONResponse(body, status, headers)


class Hangup(Response):
    """Breaks the connection in the middle of the answer."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Announce more than is sent; the server then closes the connection."""
        del scope, receive
        await send(
            {"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"9")]}
        )
        await send({"type": "http.response.body", "body": b"{"})


class Silence(Response):
    """Never answers, until the client has gone."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Wait for the client to hang up."""
        del scope, send
        while (await receive())["type"] != "http.disconnect":
            pass


async def _lifespan(receive: Receive, send: Send) -> None:
    for _ in range(2):
        event = (await receive())["type"]
        await send({"type": f"{event}.complete"})


@dataclass
class Line:
    """A client, the server behind it, and the naps it wanted to take."""

    url: str
    server: Scripted
    naps: list[float]
    connect: Callable[..., Client]

    @property
    def client(self) -> Client:
        """A client with no spacing of writes."""
        return self.connect()


@pytest.fixture
async def line() -> AsyncIterator[Line]:
    """Connect a client with a token to a scripted server; no nap is really taken."""
    server = Scripted()
    naps: list[float] = []
    clients: list[Client] = []

    async def sleep(seconds: float) -> None:
        naps.append(seconds)

    async with serve(server) as url:

        def connect(spacing: float = 0, timeout: float = 5, at: str = url) -> Client:
            pace = Pace(timeout=timeout, write_spacing=spacing, sleep=sleep)
            auth = TokenAuthStrategy(TOKEN.get_secret_value())
            clients.append(Client(auth, GitHubUrls.of_server(at), pace, Turnstile(pace)))
            return clients[-1]

        yield Line(url, server, naps, connect)
        for client in clients:
            await client.aclose()
