from collections.abc import AsyncIterator
from dataclasses import dataclass, field

import pytest
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from bot.serving import serve
from shared.profiles import ModelSpec, Node

MODEL = ModelSpec(name="qwen3:14b", node="mini", size_gb=9.3, num_ctx=4096, num_predict=512)


def node(url: str) -> Node:
    """Return the node at an address."""
    return Node(name="mini", url=url, memory_gb=56)


@dataclass
class Answering:
    """A real HTTP server that gives one answer and keeps what it was asked."""

    response: Response = field(default_factory=Response)
    url: str = ""
    asked: list[Request] = field(default_factory=list)
    bodies: list[dict[str, object]] = field(default_factory=list)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] == "lifespan":
            for kind in ("startup", "shutdown"):
                await receive()
                await send({"type": f"lifespan.{kind}.complete"})
            return
        request = Request(scope, receive)
        self.asked.append(request)
        if await request.body():
            self.bodies.append(await request.json())
        await self.response(scope, receive, send)


@pytest.fixture
async def answering() -> AsyncIterator[Answering]:
    """Give a server on 127.0.0.1 whose answer a test sets."""
    app = Answering()
    async with serve(app) as url:
        app.url = url
        yield app
