"""Who Baton is on GitHub: an App with a key, or a person's token."""

import contextlib
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime, timedelta
from typing import Protocol, Self

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from githubkit.auth import AppAuthStrategy, TokenAuthStrategy
from pydantic import SecretStr

from shared.domain import RepoRef
from shared.errors import ConfigurationError, NotFound, Refused
from shared.github.client import Client, path
from shared.github.pace import Pace, Turnstile
from shared.github.permissions import union
from shared.github.repo import GitHubRepo
from shared.github.tokens import InstallationStrategy, InstallationTokens
from shared.github.urls import GitHubUrls
from shared.github.values import HookDelivery, Identity, Installation, Read, Registration
from shared.guard.own import OURS

_FOR_GIT = timedelta(minutes=15)  # a slow clone must not outlive its token
_GIT_PERMISSIONS = {"contents": "write"}


class _App(Read):
    slug: str


class _User(Read):
    login: str
    id: int
    name: str | None = None


class _Way(Protocol):
    """The two ways to act on GitHub."""

    async def open(self, ref: RepoRef) -> tuple[Client, Callable[[], Awaitable[SecretStr]]]:
        """Return a client for a repository, and where git gets its token."""
        ...

    async def who(self) -> _User:
        """Return the account that Baton writes as."""
        ...

    async def registration(self) -> Registration | None:
        """Return the App, if it is one."""
        ...

    async def deliveries(self, since: datetime) -> Sequence[HookDelivery] | None:
        """Return the attempts to deliver webhooks, if it is an App."""
        ...

    async def redeliver(self, attempt: int) -> None:
        """Ask for a delivery once more."""
        ...

    async def aclose(self) -> None:
        """Close the connections."""
        ...


class GitHub:
    """The connection to one GitHub; make it with ``as_app`` or ``with_token``."""

    def __init__(self, way: _Way, urls: GitHubUrls) -> None:
        self._way = way
        self._repos: dict[RepoRef, GitHubRepo] = {}
        self._identity: Identity | None = None
        self.urls = urls

    @classmethod
    def as_app(
        cls,
        app_id: int,
        private_key: SecretStr,
        urls: GitHubUrls | None = None,
        *,
        pace: Pace | None = None,
    ) -> Self:
        """Act as a GitHub App.

        Raises ConfigurationError when the key is not an RSA key in PEM form.
        """
        _check_key(private_key)
        OURS.learn(private_key.get_secret_value())
        urls = urls or GitHubUrls()
        return cls(_AsApp(app_id, private_key, urls, pace or Pace()), urls)

    @classmethod
    def with_token(
        cls, token: SecretStr, urls: GitHubUrls | None = None, *, pace: Pace | None = None
    ) -> Self:
        """Act as the person whose token this is. Check runs are for Apps only.

        Raises ConfigurationError when the token is empty.
        """
        token = SecretStr(token.get_secret_value().strip())  # files end in a line feed
        if not token.get_secret_value():
            raise ConfigurationError(
                "The GitHub token is empty. Make one at Settings, Developer settings, Personal "
                "access tokens, and set it as BATON_GITHUB_TOKEN."
            )
        OURS.learn(token.get_secret_value())
        urls = urls or GitHubUrls()
        return cls(_WithToken(token, urls, pace or Pace()), urls)

    async def repo(self, ref: RepoRef) -> GitHubRepo:
        """Return a repository as Baton may use it.

        Raises NotFound when the App is not installed there or the token cannot see it.
        """
        if ref not in self._repos:
            client, git_token = await self._way.open(ref)
            self._repos[ref] = GitHubRepo(ref, client, self.identity, git_token)
        return self._repos[ref]

    async def identity(self) -> Identity:
        """Return who Baton is, with the address under which GitHub knows its commits."""
        if self._identity is None:
            user = await self._way.who()
            self._identity = Identity(
                login=user.login,
                id=user.id,
                name=user.name or user.login,
                email=f"{user.id}+{user.login}@users.noreply.{self.urls.host}",
            )
        return self._identity

    async def registration(self) -> Registration | None:
        """Return the App with its permissions, events and installations; None with a token."""
        return await self._way.registration()

    async def deliveries(self, since: datetime) -> Sequence[HookDelivery] | None:
        """Return the attempts to deliver the App's webhooks, newest first; None with a token.

        GitHub keeps them for three days on github.com.
        """
        return await self._way.deliveries(since)

    async def redeliver(self, attempt: int) -> None:
        """Let GitHub deliver an attempt's webhook again, under the same GUID; Apps only."""
        await self._way.redeliver(attempt)

    async def aclose(self) -> None:
        """Close all connections."""
        self._repos.clear()
        await self._way.aclose()


class _AsApp:
    def __init__(self, app_id: int, key: SecretStr, urls: GitHubUrls, pace: Pace) -> None:
        self._urls, self._pace, self._turnstile = urls, pace, Turnstile(pace)
        self._app = Client(
            AppAuthStrategy(app_id, key.get_secret_value()), urls, pace, self._turnstile
        )
        self._clients: list[Client] = []

    async def open(self, ref: RepoRef) -> tuple[Client, Callable[[], Awaitable[SecretStr]]]:
        tokens = InstallationTokens(self._app, ref, permissions=union())
        await tokens.find_installation()
        for_git = InstallationTokens(self._app, ref, permissions=_GIT_PERMISSIONS, margin=_FOR_GIT)
        client = Client(InstallationStrategy(tokens), self._urls, self._pace, self._turnstile)
        self._clients.append(client)
        return client, for_git.get

    async def who(self) -> _User:
        slug = (await self._app.get("/app", _App)).slug
        # The account is public on github.com; an Enterprise server may want a login for it, which
        # any installation has, unless it was suspended or removed.
        anonymous = Client(None, self._urls, self._pace, self._turnstile)
        try:
            for client in self._clients:
                with contextlib.suppress(NotFound, Refused):
                    return await client.get(path("users", f"{slug}[bot]"), _User)
            return await anonymous.get(path("users", f"{slug}[bot]"), _User)
        finally:
            await anonymous.aclose()

    async def registration(self) -> Registration:
        app = await self._app.get("/app", Registration)
        places = [one async for one in self._app.pages("/app/installations", Installation)]
        return app.model_copy(update={"installations": tuple(places)})

    async def deliveries(self, since: datetime) -> Sequence[HookDelivery]:
        found: list[HookDelivery] = []
        async for one in self._app.linked("/app/hook/deliveries", HookDelivery):
            if one.delivered_at < since:
                break
            found.append(one)
        return found

    async def redeliver(self, attempt: int) -> None:
        # Twice the same GUID does no harm, and it is no content write.
        url = path("app", "hook", "deliveries", attempt, "attempts")
        await self._app.send("POST", url, repeatable=True, spaced=False)

    async def aclose(self) -> None:
        for client in [*self._clients, self._app]:
            await client.aclose()


class _WithToken:
    def __init__(self, token: SecretStr, urls: GitHubUrls, pace: Pace) -> None:
        self._token = token
        strategy = TokenAuthStrategy(token.get_secret_value())
        self._client = Client(strategy, urls, pace, Turnstile(pace))

    async def open(self, ref: RepoRef) -> tuple[Client, Callable[[], Awaitable[SecretStr]]]:
        await self._client.send("GET", path("repos", ref.owner, ref.name))
        return self._client, self._git_token

    async def who(self) -> _User:
        return await self._client.get("/user", _User)

    async def registration(self) -> None:
        return None

    async def deliveries(self, since: datetime) -> None:
        del since

    async def redeliver(self, attempt: int) -> None:
        raise Refused(f"Only an App can ask for the delivery {attempt} again; this is a token.")

    async def aclose(self) -> None:
        await self._client.aclose()

    async def _git_token(self) -> SecretStr:
        return self._token


def _check_key(private_key: SecretStr) -> None:
    try:
        key = load_pem_private_key(private_key.get_secret_value().encode(), password=None)
    except (ValueError, TypeError):
        key = None
    if not isinstance(key, RSAPrivateKey):
        raise ConfigurationError(
            "The App's private key cannot be read. It has to be the .pem file that GitHub gave "
            "out (App settings, Private keys, Generate a private key), whole and unencrypted."
        )
