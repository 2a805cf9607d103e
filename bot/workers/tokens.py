"""Tokens for the gateway's mirror: made on the worker, kept in its memory only."""

import asyncio
import hashlib
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass

from pydantic import SecretStr

from shared.git.mirror import Credentials
from shared.guard.own import OURS
from shared.store import WorkerStore

_LIFETIME = 3600.0  # seconds; a build that takes longer gets a new one on the way


@dataclass(frozen=True)
class _Token:
    secret: SecretStr
    renew_at: float


class Tokens:
    """The tokens of the runs that this worker builds. The database has their SHA-256 alone."""

    def __init__(
        self,
        workers: WorkerStore,
        worker_id: str,
        *,
        lifetime: float = _LIFETIME,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._workers = workers
        self._worker_id = worker_id
        self._lifetime = lifetime
        self._clock = clock
        self._known: dict[str, _Token] = {}
        self._lock = asyncio.Lock()

    def of(self, run_id: str) -> Credentials:
        """Return what gives the token of a run, renewed in the middle of its life."""

        async def credentials() -> SecretStr:
            # Back from a sleep or a cut, a worker that has lost nothing is heard of first.
            await self._workers.beat(self._worker_id)
            async with self._lock:
                known = self._known.get(run_id)
                if known is None or known.renew_at <= self._clock():
                    known = self._known[run_id] = await self._new(run_id)
                return known.secret

        return credentials

    def forget(self, run_id: str) -> None:
        """Drop the token of a run that is over here."""
        self._known.pop(run_id, None)

    async def _new(self, run_id: str) -> _Token:
        secret = secrets.token_urlsafe(32)
        OURS.learn(secret, lasting=False)
        digest = hashlib.sha256(secret.encode()).hexdigest()
        await self._workers.grant(digest, run_id, self._worker_id, self._lifetime)
        return _Token(SecretStr(secret), self._clock() + self._lifetime / 2)
