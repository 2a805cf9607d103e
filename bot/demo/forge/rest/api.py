"""The API as one application, with the headers that GitHub puts on every answer."""

import itertools

from fastapi import FastAPI
from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from bot.demo.forge import problems
from bot.demo.forge.core import Forge
from bot.demo.forge.limits import Limiter
from bot.demo.forge.registering import Registrar
from bot.demo.forge.rest import (
    accounts,
    apps,
    checks,
    code,
    comments,
    graphql,
    issues,
    labels,
    merging,
    pulls,
    reactions,
    repositories,
    reviews,
)

# Of two paths that match, the first wins: special ones come before {name:path}.
PARTS = (
    apps,
    accounts,
    repositories,
    checks,
    code,
    comments,
    reactions,
    labels,
    issues,
    reviews,
    merging,
    pulls,
    graphql,
)
API_VERSION = "2022-11-28"


class GitHubHeaders:
    """Add the request id, the media type and the caller's rate limit to every answer."""

    def __init__(self, app: ASGIApp, limiter: Limiter) -> None:
        self._app = app
        self._limiter = limiter
        self._numbers = itertools.count(1)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        state = scope.setdefault("state", {})

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                headers["X-GitHub-Request-Id"] = f"F0{next(self._numbers):06X}"
                headers["X-GitHub-Media-Type"] = "github.v3; format=json"
                headers["X-GitHub-Api-Version-Selected"] = API_VERSION
                caller = state.get("caller", "anonymous")
                for name, value in self._limiter.headers(caller).items():
                    headers[name] = value
            await send(message)

        await self._app(scope, receive, send_with_headers)


def create_api(forge: Forge, limiter: Limiter, registrar: Registrar) -> FastAPI:
    """Put the operations together."""
    api = _application(forge, limiter)
    api.state.registrar = registrar
    for part in PARTS:
        api.include_router(part.router)
    return api


def create_graphql(forge: Forge, limiter: Limiter) -> FastAPI:
    """Serve GraphQL alone, for the place where GitHub Enterprise has it: beside the API."""
    api = _application(forge, limiter)
    api.include_router(graphql.router)
    return api


def _application(forge: Forge, limiter: Limiter) -> FastAPI:
    api = FastAPI(title="forge", openapi_url=None, redirect_slashes=False)
    api.state.forge, api.state.limiter = forge, limiter
    api.add_middleware(GitHubHeaders, limiter=limiter)
    problems.install(api)
    return api
