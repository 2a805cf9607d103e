"""Installation tokens: fetched when needed, for one repository, renewed before they expire."""

import asyncio
from collections.abc import AsyncGenerator, Mapping
from datetime import UTC, datetime, timedelta

import httpx
from githubkit.auth import BaseAuthStrategy
from githubkit.core import GitHubCore
from pydantic import SecretStr

from shared.domain import RepoRef
from shared.errors import NotFound, Refused
from shared.github.client import Client, parse, path
from shared.github.values import Read
from shared.guard.own import OURS

_UNKNOWN_APP = "Integration not found"  # GitHub's words for a key or id of another App


class _Installation(Read):
    id: int


class _Token(Read):
    token: SecretStr
    expires_at: datetime


class InstallationTokens:
    """The tokens with which the App acts on one repository; they live for an hour."""

    def __init__(
        self,
        app: Client,
        ref: RepoRef,
        *,
        permissions: Mapping[str, str] | None = None,
        margin: timedelta = timedelta(minutes=1),
    ) -> None:
        self._app = app
        self._ref = ref
        self._permissions = dict(permissions or {})
        self._margin = margin
        self._token: _Token | None = None
        self._lock = asyncio.Lock()

    async def find_installation(self) -> int:
        """Return the installation's id. Raises NotFound where there is none."""
        url = path("repos", self._ref.owner, self._ref.name, "installation")
        try:
            return (await self._app.get(url, _Installation)).id
        except NotFound as error:
            if _UNKNOWN_APP in str(error):
                raise Refused(
                    "GitHub knows no App with this id and key. Check BATON_APP_ID and "
                    "BATON_PRIVATE_KEY_FILE against the App's settings page."
                ) from None
            raise NotFound(
                f"Baton is not installed on {self._ref}, or the repository does not exist. "
                "Install the App on it: App settings, Install App, choose the repository."
            ) from None

    async def get(self) -> SecretStr:
        """Return a token that is valid for longer than the margin."""
        async with self._lock:
            if self._token is None or self._is_stale(self._token):
                self._token = await self._fetch()
            return self._token.token

    def forget(self, token: SecretStr) -> None:
        """Fetch anew next time, since GitHub did not take this token."""
        if self._token is not None and self._token.token == token:
            self._token = None

    def _is_stale(self, token: _Token) -> bool:
        return token.expires_at - self._margin <= datetime.now(UTC)

    async def _fetch(self) -> _Token:
        # Asked each time: an App that was removed and installed again has another id.
        installation = await self.find_installation()
        body: dict[str, object] = {"repositories": [self._ref.name]}
        if self._permissions:
            body["permissions"] = self._permissions
        url = path("app", "installations", installation, "access_tokens")
        # A token too many does no harm, and it is no content write.
        response = await self._app.send("POST", url, body=body, repeatable=True, spaced=False)
        token = parse(response, _Token)
        OURS.learn(token.token.get_secret_value(), lasting=False)
        return token


class InstallationStrategy(BaseAuthStrategy):
    """githubkit's hook for these tokens.

    githubkit's own strategy sends the App's JWT for every path that ends in ``/installation``,
    a file of that name among them, and keeps using a token that GitHub has revoked.
    """

    def __init__(self, tokens: InstallationTokens) -> None:
        self._tokens = tokens

    def get_auth_flow(self, github: GitHubCore[BaseAuthStrategy]) -> httpx.Auth:
        """Return the hook for one client."""
        del github
        return _Flow(self._tokens)


class _Flow(httpx.Auth):
    def __init__(self, tokens: InstallationTokens) -> None:
        self._tokens = tokens

    async def async_auth_flow(
        self, request: httpx.Request
    ) -> AsyncGenerator[httpx.Request, httpx.Response]:
        token = await self._tokens.get()
        request.headers["Authorization"] = f"Bearer {token.get_secret_value()}"
        response = yield request
        if response.status_code == httpx.codes.UNAUTHORIZED:
            # Revoked, or expired by GitHub's clock. Nothing was done, so a new one may try.
            self._tokens.forget(token)
            token = await self._tokens.get()
            request.headers["Authorization"] = f"Bearer {token.get_secret_value()}"
            yield request
