"""Faults on purpose: what goes wrong between a bot and GitHub, for tests to survive."""

import asyncio
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send


class When(StrEnum):
    """Where in the life of a request a fault strikes."""

    BEFORE = "before"
    AFTER = "after"
    DROPPED = "dropped"


@dataclass
class Fault:
    """One rule: which requests fail, how often, and how."""

    method: str
    path: re.Pattern[str]
    status: int
    times: int
    when: When
    headers: Mapping[str, str]


@dataclass
class Faults:
    """The faults that are still to come, and the gate that deliveries pass."""

    pending: list[Fault] = field(default_factory=list)
    deliveries_flow: asyncio.Event = field(default_factory=asyncio.Event)
    deliveries_lost: bool = False

    def __post_init__(self) -> None:
        self.deliveries_flow.set()

    def fail(
        self,
        method: str,
        path: str,
        *,
        status: int = 502,
        times: int = 1,
        when: When = When.BEFORE,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        """Let the next requests fail whose method matches and whose path contains a regex.

        ``BEFORE`` answers without doing the work, ``AFTER`` does it and answers the error,
        ``DROPPED`` does it and breaks the connection.
        """
        rule = Fault(method.upper(), re.compile(path), status, times, when, headers or {})
        self.pending.append(rule)

    def hold_deliveries(self) -> None:
        """Keep webhooks back, as when the network is away for a while."""
        self.deliveries_flow.clear()

    def lose_deliveries(self) -> None:
        """Let webhooks fail, as when the receiver's machine sleeps."""
        self.deliveries_lost = True

    def release_deliveries(self) -> None:
        """Let the webhooks go that were kept back, and those to come arrive."""
        self.deliveries_lost = False
        self.deliveries_flow.set()

    def take(self, method: str, path: str) -> Fault | None:
        """Use up one matching fault."""
        for rule in self.pending:
            if rule.method == method and rule.path.search(path):
                rule.times -= 1
                if rule.times == 0:
                    self.pending.remove(rule)
                return rule
        return None


class FaultsMiddleware:
    """Strike the requests that a rule of the faults asks for."""

    def __init__(self, app: ASGIApp, faults: Faults) -> None:
        self._app = app
        self._faults = faults

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, or fail it."""
        fault = scope["type"] == "http" and self._faults.take(scope["method"], scope["path"])
        if not fault:
            await self._app(scope, receive, send)
            return
        if fault.when is not When.BEFORE:
            await self._app(scope, receive, _swallow)
        if fault.when is When.DROPPED:
            await _break_off(send)
        else:
            await _refusal(fault)(scope, receive, send)


def _refusal(fault: Fault) -> JSONResponse:
    body = {"message": "Server Error", "documentation_url": "", "status": str(fault.status)}
    return JSONResponse(body, fault.status, headers=dict(fault.headers))


async def _swallow(_message: Message) -> None:
    """Lose a part of the answer."""


async def _break_off(send: Send) -> None:
    # A body shorter than announced makes the server close the connection.
    await send(
        {"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"1")]}
    )
