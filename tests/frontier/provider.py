"""A real HTTP server in the place of a provider: its answers are queued, its callers remembered."""

import asyncio
import json
from collections import deque
from dataclasses import dataclass, field
from typing import Any

from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.types import Receive, Scope, Send


@dataclass(frozen=True)
class Asked:
    """A request as it arrived."""

    url: str
    headers: Headers
    body: dict[str, Any]


class Cut:
    """An answer that ends in its middle."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Announce more than is sent, and hang up."""
        del scope, receive
        headers = [(b"content-type", b"application/json"), (b"content-length", b"5000")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": b'{"candidates": [', "more_body": True})
        raise ConnectionAbortedError


@dataclass
class Slow:
    """An answer that begins and never goes on; it notices when the caller hangs up."""

    begun: asyncio.Event = field(default_factory=asyncio.Event)
    left: asyncio.Event = field(default_factory=asyncio.Event)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send the first bytes and wait for the end of the connection."""
        del scope
        headers = [(b"content-type", b"application/json"), (b"content-length", b"5000")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": b"{", "more_body": True})
        self.begun.set()
        while (await receive())["type"] != "http.disconnect":
            pass
        self.left.set()


Answer = Response | Cut | Slow


@dataclass
class Provider:
    """The ASGI application."""

    url: str = ""
    asked: list[Asked] = field(default_factory=list)
    answers: deque[Answer] = field(default_factory=deque)

    def enqueue(self, *answers: Answer | dict[str, Any]) -> None:
        """Add answers; a plain body goes out with status 200."""
        for answer in answers:
            self.answers.append(JSONResponse(answer) if isinstance(answer, dict) else answer)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request with the next of the queue."""
        if scope["type"] == "lifespan":
            for kind in ("startup", "shutdown"):
                await receive()
                await send({"type": f"lifespan.{kind}.complete"})
            return
        request = Request(scope, receive)
        body = json.loads(await request.body())
        self.asked.append(Asked(str(request.url), request.headers, body))
        assert self.answers, "more was asked than the test expects"
        await self.answers.popleft()(scope, receive, send)
