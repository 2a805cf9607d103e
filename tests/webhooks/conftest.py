"""A door that listens on 127.0.0.1, and a hand that knocks on it."""

import copy
import gzip
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from pydantic import SecretStr

from bot.serving import serve
from webhooks.delivery import Accepted, Delivery
from webhooks.routes import PATH, create_router
from webhooks.signature import sign

SECRET = SecretStr("a webhook secret for tests only")
EXAMPLES = Path(__file__).parent.parent / "data" / "webhooks" / "payloads.json.gz"

Payload = dict[str, Any]


@dataclass
class Inbox:
    """Keeps deliveries as the JSON that a durable queue would hold."""

    stored: dict[str, str] = field(default_factory=dict)
    broken: Exception | None = None

    async def accept(self, delivery: Delivery) -> Accepted:
        """Store a delivery, or fail as told."""
        if self.broken is not None:
            raise self.broken
        if delivery.guid in self.stored:
            return Accepted.REPEATED
        self.stored[delivery.guid] = json.dumps(delivery.model_dump(mode="json"))
        return Accepted.NEW

    def read(self, guid: str) -> Delivery:
        """Read a delivery back."""
        return Delivery.model_validate(json.loads(self.stored[guid]))


@dataclass
class Door:
    """The endpoint under test."""

    url: str
    client: httpx.AsyncClient
    inbox: Inbox

    async def knock(
        self,
        body: bytes | Payload,
        event: str = "issues",
        guid: str = "guid-1",
        **headers: str | None,
    ) -> httpx.Response:
        """Send a signed delivery; headers by name override or (None) leave out the usual ones."""
        raw = body if isinstance(body, bytes) else json.dumps(body).encode()
        usual = {
            "x-github-event": event,
            "x-github-delivery": guid,
            "x-hub-signature-256": sign(raw, SECRET),
            "content-type": "application/json",
        }
        changed = {name.replace("_", "-"): value for name, value in headers.items()}
        kept = {name: value for name, value in (usual | changed).items() if value is not None}
        return await self.client.post(self.url + PATH, content=raw, headers=kept)


@pytest.fixture
async def door() -> AsyncIterator[Door]:
    """Open the door for one test."""
    inbox = Inbox()
    app = FastAPI()
    app.include_router(create_router(SECRET, inbox.accept))
    async with serve(app) as url, httpx.AsyncClient(trust_env=False, timeout=60) as client:
        yield Door(url, client, inbox)


@pytest.fixture(scope="session")
def examples() -> dict[str, list[Payload]]:
    """Every published example payload, by event name."""
    loaded: dict[str, list[Payload]] = json.loads(gzip.decompress(EXAMPLES.read_bytes()))
    return loaded


@pytest.fixture
def opened(examples: dict[str, list[Payload]]) -> Payload:
    """A real "issue opened" payload, to be changed at will."""
    return copy.deepcopy(next(one for one in examples["issues"] if one["action"] == "opened"))
