"""Send the webhooks: signed, once, and not again by itself."""

import asyncio
import contextlib
import hashlib
import hmac
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass

import httpx
from sqlalchemy import select

from bot.demo.forge.actors import NOBODY
from bot.demo.forge.core import Forge
from bot.demo.forge.tables import Delivery

HOOK_ID = 1
_PATIENCE = 10.0  # seconds; GitHub gives up after ten
_FIRST_PAUSE = 0.1  # seconds between two tries to reach a receiver that has not started yet
_PENDING = "pending"
_UNREACHED = "failed to connect to host"


@dataclass(frozen=True)
class _Outcome:
    status: str
    code: int = 0
    headers: dict[str, str] | None = None
    body: str | None = None


class Hookshot:
    """Takes deliveries out of the forge's outbox and sends one after the other.

    GitHub sends them side by side; here the order is kept, so that a demo repeats itself.
    GitHub was there before the receiver, too, and does not wait; the forge is started together
    with it, and holds what it has until the receiver listens for the first time.
    """

    def __init__(self, forge: Forge) -> None:
        self._forge = forge
        self._patient_until = 0.0

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Send while the context is open."""
        self._patient_until = time.monotonic() + self._forge.config.first_contact
        async with httpx.AsyncClient(timeout=_PATIENCE, trust_env=False) as client:
            sending = asyncio.create_task(self._run(client))
            try:
                yield
            finally:
                sending.cancel()
                await asyncio.gather(sending, return_exceptions=True)

    async def settle(self) -> None:
        """Wait until every webhook has been answered or has failed."""
        await self._forge.outbox.join()

    async def load_unsent(self) -> None:
        """Take up what an earlier process left unsent."""
        async with self._forge.reading(NOBODY) as unit:
            query = select(Delivery.id).where(Delivery.status == _PENDING).order_by(Delivery.id)
            for left in await unit.session.scalars(query):
                self._forge.outbox.put_nowait(left)

    async def _run(self, client: httpx.AsyncClient) -> None:
        while True:
            delivery_id = await self._forge.outbox.get()
            try:
                await self._forge.config.faults.deliveries_flow.wait()
                await self._deliver(client, delivery_id)
            finally:
                self._forge.outbox.task_done()

    async def _deliver(self, client: httpx.AsyncClient, delivery_id: int) -> None:
        async with self._forge.reading(NOBODY) as unit:
            delivery = await unit.session.get_one(Delivery, delivery_id)
        headers = self.headers(delivery)
        started = time.monotonic()
        outcome = await self._post(client, delivery.payload.encode(), headers)
        duration = round(time.monotonic() - started, 2)
        async with self._forge.writing(NOBODY) as unit:
            row = await unit.session.get_one(Delivery, delivery_id)
            row.delivered_at = unit.now
            row.duration = duration
            row.status, row.status_code = outcome.status, outcome.code
            row.request_headers = headers
            row.response_headers, row.response_body = outcome.headers, outcome.body

    def headers(self, delivery: Delivery) -> dict[str, str]:
        """Return the headers of a delivery, both signatures among them."""
        config = self._forge.config
        secret, body = config.webhook_secret.get_secret_value().encode(), delivery.payload.encode()
        return {
            "Accept": "*/*",
            "Content-Type": "application/json",
            "User-Agent": "GitHub-Hookshot/0f0a4e5",
            "X-GitHub-Delivery": delivery.guid,
            "X-GitHub-Event": delivery.event,
            "X-GitHub-Hook-ID": str(HOOK_ID),
            "X-GitHub-Hook-Installation-Target-ID": str(config.app.id),
            "X-GitHub-Hook-Installation-Target-Type": "integration",
            "X-Hub-Signature": "sha1=" + hmac.new(secret, body, hashlib.sha1).hexdigest(),
            "X-Hub-Signature-256": "sha256=" + hmac.new(secret, body, hashlib.sha256).hexdigest(),
        }

    async def _post(
        self, client: httpx.AsyncClient, body: bytes, headers: dict[str, str]
    ) -> _Outcome:
        url = self._forge.config.webhook_url
        if not url:
            return _Outcome("no webhook address")
        if self._forge.config.faults.deliveries_lost:
            return _Outcome(_UNREACHED)
        try:
            answer = await self._when_it_listens(client, url, body, headers)
        except httpx.TimeoutException:
            return _Outcome("timed out")
        except (httpx.HTTPError, httpx.InvalidURL):
            return _Outcome(_UNREACHED)
        status = "OK" if answer.is_success else f"Invalid HTTP Response: {answer.status_code}"
        return _Outcome(status, answer.status_code, dict(answer.headers), answer.text[:4096])

    async def _when_it_listens(
        self, client: httpx.AsyncClient, url: str, body: bytes, headers: dict[str, str]
    ) -> httpx.Response:
        """Post, until the first contact again and again."""
        while True:
            try:
                answer = await client.post(url, content=body, headers=headers)
            except httpx.ConnectError:
                if time.monotonic() >= self._patient_until:
                    raise
                await asyncio.sleep(_FIRST_PAUSE)
            else:
                self._patient_until = 0.0
                return answer
