"""The forge itself, and one unit of work on its state."""

import asyncio
import contextlib
import hashlib
import json
import secrets
import time
import uuid
from collections.abc import AsyncIterator
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from bot.demo.forge.actors import Actor
from bot.demo.forge.bare import BareRepository
from bot.demo.forge.config import ForgeConfig, Level
from bot.demo.forge.database import open_database, sessions
from bot.demo.forge.tables import Account, Collaborator, Delivery, Installation, Repository

Json = dict[str, Any]
_NAMESPACE = uuid.uuid5(uuid.NAMESPACE_URL, "urn:baton:forge")


def digest(token: str) -> str:
    """Return what is kept of a token. SHA-256, hexadecimal."""
    return hashlib.sha256(token.encode()).hexdigest()


def stamp(moment: datetime | None) -> str | None:
    """Write a moment as GitHub does: UTC, whole seconds, ``Z``."""
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ") if moment else None


def node_id(kind: str, number: int) -> str:
    """Return the opaque id that GraphQL uses; here it can be read."""
    return f"{kind}_{number}"


def _own_series(path: Path) -> str:
    """Return a name that no other forge has; a bot takes a GUID that it knows for a repetition."""
    if not path.exists():
        path.write_text(secrets.token_hex(8), "ascii")
    return path.read_text("ascii")


@dataclass(frozen=True)
class Urls:
    """The addresses of things."""

    html: str
    api: str

    def user(self, login: str) -> str:
        """Return the API address of an account."""
        return f"{self.api}/users/{quote(login)}"

    def repo(self, repository: Repository) -> str:
        """Return the API address of a repository."""
        return f"{self.api}/repos/{repository.full_name}"

    def repo_html(self, repository: Repository) -> str:
        """Return the page of a repository."""
        return f"{self.html}/{repository.full_name}"


class Forge:
    """The state directory, open: database, git repositories, clock and the write lock."""

    def __init__(self, config: ForgeConfig) -> None:
        self.config = config
        self.urls = Urls(config.url.rstrip("/"), config.url.rstrip("/") + config.api_prefix)
        config.state.mkdir(parents=True, exist_ok=True)
        self.engine = open_database(config.state / "forge.db")
        self._sessions = sessions(self.engine)
        self._writing = asyncio.Lock()
        self._pushing: dict[int, asyncio.Lock] = {}
        self.series = config.series or _own_series(config.state / "series")
        self.version = 0
        self.born = time.time_ns()
        self.outbox: asyncio.Queue[int] = asyncio.Queue()

    def now(self) -> datetime:
        """Return the moment by the forge's clock, in whole seconds as GitHub keeps it."""
        return self.config.clock().replace(microsecond=0)

    def git_path(self, repository: Repository) -> Path:
        """Return where a repository's commits live."""
        owner, name = repository.owner.login.lower(), repository.name.lower()
        return self.config.state / "git" / owner / f"{name}.git"

    def bare(self, repository: Repository) -> BareRepository:
        """Open a repository's commits."""
        return BareRepository(self.git_path(repository))

    def push_lock(self, repository: Repository) -> asyncio.Lock:
        """Return the lock under which a repository's branches move."""
        return self._pushing.setdefault(repository.id, asyncio.Lock())

    @contextlib.asynccontextmanager
    async def reading(self, actor: Actor) -> AsyncIterator["Unit"]:
        """Open the state for a look."""
        async with self._sessions() as session:
            yield Unit(self, session, actor)

    @contextlib.asynccontextmanager
    async def writing(self, actor: Actor) -> AsyncIterator["Unit"]:
        """Change the state: all or nothing, one after the other, webhooks after the commit."""
        async with self._writing, self._sessions() as session:
            if actor.account:
                account = await session.get_one(Account, actor.account.id)
                actor = replace(actor, account=account)
            unit = Unit(self, session, actor)
            yield unit
            await session.commit()
            self.version += 1
            for delivery in unit.deliveries:
                self.outbox.put_nowait(delivery.id)


@dataclass
class Unit:
    """One request's view of the state: the session, and on whose behalf."""

    forge: Forge
    session: AsyncSession
    actor: Actor
    deliveries: list[Delivery] = field(default_factory=list)

    @property
    def urls(self) -> Urls:
        """Return the addresses of things."""
        return self.forge.urls

    @property
    def now(self) -> datetime:
        """Return the moment by the forge's clock."""
        return self.forge.now()

    @property
    def user(self) -> Account:
        """Return the account that acts; callers have checked that there is one."""
        assert self.actor.account is not None
        return self.actor.account

    async def account(self, login: str) -> Account | None:
        """Find an account; GitHub does not mind the case of a login."""
        return await self.session.scalar(
            select(Account).where(func.lower(Account.login) == login.lower())
        )

    async def repository(self, owner: str, name: str) -> Repository | None:
        """Find a repository; the case of its names does not matter."""
        query = select(Repository).join(Repository.owner)
        return await self.session.scalar(
            query.where(
                func.lower(Account.login) == owner.lower(),
                func.lower(Repository.name) == name.lower(),
            )
        )

    async def installation(self, account_id: int) -> Installation | None:
        """Return the App's installation on an account, if there is one."""
        query = select(Installation).where(Installation.account_id == account_id)
        return await self.session.scalar(query)

    async def level(self, repository: Repository, account: Account) -> Level:
        """Return what an account may do in a repository by itself."""
        if account.id == repository.owner_id:
            return Level.ADMIN
        entry = await self.session.get(Collaborator, (repository.id, account.id))
        if entry:
            return entry.level
        return Level.NONE if repository.private else Level.READ

    async def association(self, repository: Repository, account: Account) -> str:
        """Return GitHub's ``author_association``."""
        if account.id == repository.owner_id:
            return "OWNER"
        entry = await self.session.get(Collaborator, (repository.id, account.id))
        return "COLLABORATOR" if entry else "NONE"

    async def send(self, event: str, repository: Repository | None, payload: Json) -> None:
        """Send a webhook to the App once the work is committed, if the App may have it."""
        config = self.forge.config
        if not config.webhook_url or (event not in config.app.events and repository):
            return
        installation = await self.installation(repository.owner_id) if repository else None
        if repository:
            if not installation:
                return
            payload["installation"] = {
                "id": installation.id,
                "node_id": node_id("I", installation.id),
            }
        await self.deliver(event, repository, installation, payload)

    async def deliver(
        self,
        event: str,
        repository: Repository | None,
        installation: Installation | None,
        payload: Json,
    ) -> None:
        """Store a webhook that leaves after the commit."""
        delivery = Delivery(
            guid="",
            event=event,
            action=payload.get("action"),
            installation_id=installation and installation.id,
            repository_id=repository and repository.id,
            payload=json.dumps(payload, ensure_ascii=False, separators=(",", ":")),
            created_at=self.now,
            request_headers={},
        )
        self.session.add(delivery)
        await self.session.flush()
        series = f"{self.forge.series}/{delivery.id}"
        delivery.guid = str(uuid.uuid5(_NAMESPACE, series))
        self.deliveries.append(delivery)
