"""Hold every answer and every webhook of a forge against GitHub's published descriptions.

Wrap the forge with ``honesty.wrap(app)``; the fixture fails its test for what is not described.
"""

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from tests.forge import descriptions

# GraphQL has no OpenAPI description; its answers are checked where it is tested.
_UNDESCRIBED = ("/graphql",)


@dataclass
class Honesty:
    """What was answered and sent, and what of it GitHub would not."""

    prefix: str = "/api/v3"
    answers: int = 0
    violations: list[str] = field(default_factory=list)

    def wrap(self, app: ASGIApp) -> ASGIApp:
        """Watch an application's API."""
        return _Watch(app, self)

    def check_answer(self, method: str, path: str, status: int, body: bytes) -> None:
        """Check one answer."""
        self.answers += 1
        faults = descriptions.rest().faults_of_answer(method, path, status, body)
        self.violations += [f"{method} {path} -> {status}: {fault}" for fault in faults]

    def check_deliveries(self, state: Path) -> int:
        """Check every webhook in a forge's state; return how many there were."""
        with closing(sqlite3.connect(state / "forge.db")) as database:
            rows = database.execute("select event, payload from delivery").fetchall()
        for event, text in rows:
            payload = json.loads(text)
            faults = descriptions.webhooks().faults_of_event(event, payload)
            name = f"{event}.{payload.get('action', '')}"
            self.violations += [f"webhook {name}: {fault}" for fault in faults]
        return len(rows)

    def demand(self) -> None:
        """Fail when anything was not as GitHub describes it."""
        listed = "\n".join(dict.fromkeys(self.violations))
        assert not self.violations, f"not as GitHub describes it:\n{listed}"


class _Watch:
    """Reads the answers of the API as they pass."""

    def __init__(self, app: ASGIApp, honesty: Honesty) -> None:
        self._app = app
        self._honesty = honesty

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        path = str(scope.get("path", ""))
        prefix = self._honesty.prefix
        if not path.startswith(prefix) or path.endswith(_UNDESCRIBED):
            await self._app(scope, receive, send)
            return
        chunks: list[bytes] = []
        start: Message = {}

        async def watched(message: Message) -> None:
            if message["type"] == "http.response.start":
                start.update(message)
            elif message["type"] == "http.response.body":
                chunks.append(message.get("body", b""))
            await send(message)

        await self._app(scope, receive, watched)
        self._check(scope["method"], path.removeprefix(prefix), start, b"".join(chunks))

    def _check(self, method: str, path: str, start: Message, body: bytes) -> None:
        headers = {key.lower(): value for key, value in start.get("headers", ())}
        announced = headers.get(b"content-length")
        broken_off = announced is not None and int(announced) != len(body)
        media = headers.get(b"content-type", b"application/json")
        if not broken_off and media.startswith(b"application/json"):
            self._honesty.check_answer(method, path, start["status"], body)


@pytest.fixture
def honesty() -> Iterator[Honesty]:
    """Watch a forge and fail the test for every answer that GitHub does not describe."""
    watcher = Honesty()
    yield watcher
    watcher.demand()
