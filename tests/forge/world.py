"""A running forge with people, a repository, the App, and a receiver for its webhooks."""

import contextlib
import functools
import json
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import jwt
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from fastapi import FastAPI, Request, Response
from pydantic import SecretStr

from bot.demo.forge import (
    AppRegistration,
    Faults,
    ForgeConfig,
    Level,
    Person,
    RateLimits,
    RepositorySeed,
    create_forge,
)
from bot.demo.forge.core import Forge
from bot.demo.forge.hookshot import Hookshot
from bot.serving import listen, serve
from tests.forge.git import git
from tests.forge.honesty import Honesty

SECRET = "a secret between the forge and its App"
REPO = "/repos/alice/parcel"


@dataclass
class Clock:
    """A clock that moves when it is told."""

    moment: datetime = datetime(2026, 11, 21, 9, 0, tzinfo=UTC)

    def __call__(self) -> datetime:
        """Tell the time."""
        return self.moment

    def forward(self, **by: float) -> None:
        """Move on; the arguments are those of a timedelta."""
        self.moment += timedelta(**by)


@dataclass
class Target:
    """Receives the webhooks as a bot would, and answers as it is told."""

    status: int = 202
    received: list[tuple[dict[str, str], bytes]] = field(default_factory=list)

    def app(self) -> FastAPI:
        """Return the application that receives."""
        app = FastAPI()

        @app.post("/webhooks/github")
        async def receive(request: Request) -> Response:
            self.received.append((dict(request.headers), await request.body()))
            return Response(status_code=self.status)

        return app


@functools.cache
def private_key() -> rsa.RSAPrivateKey:
    """Return the App's key, made once."""
    return rsa.generate_private_key(65537, 2048)


def pem(key: rsa.RSAPrivateKey) -> str:
    """Return the private half as GitHub hands it out."""
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    ).decode()


def public_pem(key: rsa.RSAPrivateKey) -> str:
    """Return the public half as GitHub keeps it."""
    return (
        key.public_key()
        .public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
        .decode()
    )


@dataclass
class World:
    """What a test needs to act on a forge."""

    url: str
    config: ForgeConfig
    clock: Clock
    target: Target
    forge: Forge
    hookshot: Hookshot
    faults: Faults
    clients: contextlib.AsyncExitStack

    async def client(self, authorization: str | None = None) -> httpx.AsyncClient:
        """Return a client of the API with a credential, or with none."""
        headers = {"Authorization": authorization} if authorization else {}
        client = httpx.AsyncClient(
            base_url=self.url + self.config.api_prefix, headers=headers, timeout=30
        )
        return await self.clients.enter_async_context(client)

    async def person(self, login: str) -> httpx.AsyncClient:
        """Return a client with a person's token."""
        return await self.client(f"Bearer token-of-{login}")

    async def app(self, **claims: object) -> httpx.AsyncClient:
        """Return a client with the App's JWT."""
        return await self.client(f"Bearer {self.jwt(**claims)}")

    def jwt(self, **claims: object) -> str:
        """Sign a JWT as the App, with claims of choice."""
        now = int(self.clock().timestamp())
        payload = {"iss": "1", "iat": now - 60, "exp": now + 540} | claims
        return jwt.encode(payload, private_key(), algorithm="RS256")

    async def token(self, **wanted: object) -> str:
        """Get a token of the installation on alice's repositories."""
        app = await self.app()
        installation = (await app.get(f"{REPO}/installation")).raise_for_status().json()
        path = f"/app/installations/{installation['id']}/access_tokens"
        answer = await app.post(path, json=wanted or None)
        token: str = answer.raise_for_status().json()["token"]
        return token

    def git_url(self, token: str, repo: str = "alice/parcel") -> str:
        """Return the address for git with a token in it, as only tests may write it."""
        return f"{self.url}/{repo}.git".replace("://", f"://x-access-token:{token}@")

    async def branch(self, root: Path, name: str, files: Mapping[str, str]) -> str:
        """Push a branch of alice's repository, off main, as the App; return its commit."""
        clone = root / f"clone-{name}"
        url = self.git_url(await self.token())
        await git("clone", "--quiet", url, str(clone))
        await git("-C", str(clone), "checkout", "--quiet", "-b", name)
        for path, text in files.items():
            (clone / path).parent.mkdir(parents=True, exist_ok=True)
            (clone / path).write_text(text, "utf-8")
        await git("-C", str(clone), "add", "--all")
        await git("-C", str(clone), "commit", "--quiet", "-m", f"Work on {name}")
        await git("-C", str(clone), "push", "--quiet", "origin", name)
        return (await git("-C", str(clone), "rev-parse", "HEAD")).strip()

    async def events(self) -> list[str]:
        """Wait for the webhooks under way; return all of them, such as ``issues.opened``."""
        await self.hookshot.settle()
        return [f"{event}.{body.get('action', '')}".rstrip(".") for event, body in self.sent()]

    def sent(self) -> list[tuple[str, dict[str, Any]]]:
        """Return event and payload of every webhook received."""
        return [
            (headers["x-github-event"], json.loads(body)) for headers, body in self.target.received
        ]

    async def bot(self, **wanted: object) -> httpx.AsyncClient:
        """Return a client with an installation token."""
        return await self.client(f"Bearer {await self.token(**wanted)}")


@contextlib.asynccontextmanager
async def open_world(
    root: Path, honesty: Honesty, *, limits: RateLimits | None = None, **changes: object
) -> AsyncIterator[World]:
    """Start a forge and a receiver; check all webhooks when the context closes."""
    listener, hooks = listen(), listen()
    clock, target, faults = Clock(), Target(), Faults()
    source = root / "source"
    write_source(source)
    people = ("alice", "bob", "carol", "mallory")
    settings: dict[str, Any] = {
        "state": root / "forge",
        "url": listener.url,
        "app": AppRegistration(public_key=public_pem(private_key())),
        "webhook_secret": SecretStr(SECRET),
        "webhook_url": f"{hooks.url}/webhooks/github",
        "people": tuple(
            Person(login=login, token=SecretStr(f"token-of-{login}")) for login in people
        ),
        "repositories": (
            RepositorySeed(
                owner="alice",
                name="parcel",
                from_directory=source,
                collaborators={"bob": Level.WRITE, "carol": Level.TRIAGE},
            ),
            RepositorySeed(owner="bob", name="secret", private=True),
        ),
        "series": "forge",
        "clock": clock,
        "limits": limits or RateLimits(writes_per_minute=1000),
        "faults": faults,
    }
    config = ForgeConfig(**{**settings, **changes})
    app = create_forge(config)
    async with (
        serve(target.app(), hooks),
        serve(honesty.wrap(app), listener),
        contextlib.AsyncExitStack() as clients,
    ):
        forge, hookshot = app.state.forge, app.state.hookshot
        yield World(listener.url, config, clock, target, forge, hookshot, faults, clients)
        faults.release_deliveries()
        await hookshot.settle()
    honesty.check_deliveries(config.state)


def write_source(source: Path) -> None:
    """Write the files of the repository's first commit."""
    files = {
        "README.md": "# parcel\n\nWeighs parcels.\n",
        "parcel/__init__.py": "",
        "parcel/weight.py": "def total(weights):\n    return sum(weights)\n",
        "tests/test_weight.py": "def test_nothing():\n    pass\n",
    }
    for name, text in files.items():
        path = source / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")
