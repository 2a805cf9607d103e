"""A channel as smee.io has them: what is posted comes out of JSON.parse and JSON.stringify.

That smee's own client takes what this sends is shown in `test_other_clients.py`.
"""

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

from fastapi import FastAPI, Request, Response
from fastapi.responses import StreamingResponse


def rewritten(body: bytes) -> str:
    """Write JSON anew as JavaScript does, for the values that GitHub sends, and large integers."""

    def integer(digits: str) -> int:
        number = int(digits)
        return number if abs(number) <= 2**53 else int(float(digits))

    return json.dumps(
        json.loads(body, parse_int=integer), ensure_ascii=False, separators=(",", ":")
    )


@dataclass
class Smee:
    """One channel and whoever listens to it."""

    listeners: list[asyncio.Queue[str | None]] = field(default_factory=list)
    came: asyncio.Event = field(default_factory=asyncio.Event)

    def app(self) -> FastAPI:
        """Return the application."""
        app = FastAPI()
        app.add_api_route("/new", self._new, methods=["HEAD"])
        app.add_api_route("/channel", self._listen, methods=["GET"])
        app.add_api_route("/channel", self._post, methods=["POST"])
        return app

    async def _new(self, request: Request) -> Response:
        return Response(status_code=307, headers={"Location": f"{request.base_url}channel"})

    async def _listen(self) -> Response:
        queue: asyncio.Queue[str | None] = asyncio.Queue()
        self.listeners.append(queue)
        self.came.set()
        return StreamingResponse(_events(queue), media_type="text/event-stream")

    async def _post(self, request: Request) -> Response:
        headers = json.dumps(dict(request.headers))[:-1]
        body = rewritten(await request.body())
        for queue in self.listeners:
            queue.put_nowait(f'{headers},"body":{body},"query":{{}},"timestamp":1795255200000}}')
        return Response(status_code=200)

    def hang_up(self) -> None:
        """Break all connections, as smee does now and then."""
        for queue in self.listeners:
            queue.put_nowait(None)
        self.listeners.clear()
        self.came.clear()


async def _events(queue: asyncio.Queue[str | None]) -> AsyncIterator[str]:
    yield "event: ready\ndata: {}\n\n"
    while (text := await queue.get()) is not None:
        yield f"id: 1\ndata: {text}\n\n"
