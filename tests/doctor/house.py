"""A household to look at: the embedded forge, a node that speaks Ollama's API, settings."""

import asyncio
import contextlib
import json
import socket
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path

from pydantic import SecretStr

from bot.demo.forge import (
    AppRegistration,
    ForgeConfig,
    Person,
    RepositorySeed,
    create_forge,
    forge_of,
)
from bot.doctor import Finding, Level, Report, diagnose, render
from bot.serving import listen, serve
from shared.github.permissions import union
from tests.forge.world import private_key, public_pem

HUSH = "hush-0123456789-hush-0123456789"
PROFILE = """
name = "house"
[[nodes]]
name = "mini"
url = "{url}"
memory_gb = 20
[[models]]
name = "small:1b"
node = "mini"
size_gb = 2
num_ctx = 8192
[roles]
router = "small:1b"
planner = "small:1b"
coder = "small:1b"
reviewer = "small:1b"
tester = "small:1b"
documenter = "small:1b"
"""


@dataclass
class Household:
    """The files that an operator writes, and where they point."""

    folder: Path
    settings: dict[str, object] = field(default_factory=dict)

    @property
    def env_file(self) -> Path:
        """Write the settings; only their owner may read them."""
        file = self.folder / "baton.env"
        file.write_text(
            "".join(f"BATON_{name}={json.dumps(str(v))}\n" for name, v in self.settings.items()),
            encoding="utf-8",
        )
        file.chmod(0o600)
        return file

    def profile(self, url: str, *changes: tuple[str, str]) -> str:
        """Write a profile whose node is at an address; return its path."""
        text = PROFILE.format(url=url)
        for old, new in changes:
            assert old in text
            text = text.replace(old, new, 1)
        file = self.folder / "house.toml"
        file.write_text(text, encoding="utf-8")
        return str(file)


@dataclass
class Plain:
    """A server whose every byte a test decides: bodies by path, status, the Date header."""

    bodies: Mapping[str, object] = field(default_factory=dict)
    status: int = 200
    date: datetime | None = None
    silent: bool = False

    @contextlib.asynccontextmanager
    async def serve(self) -> AsyncIterator[str]:
        """Answer on 127.0.0.1 while the context is open; yield the address."""
        server = await asyncio.start_server(self._talk, "127.0.0.1", 0)
        async with server:
            yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"

    async def _talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            while head := await reader.readuntil(b"\r\n\r\n"):
                if not self.silent:
                    writer.write(self._answer(head.split()[1].decode()))
                    await writer.drain()
        writer.close()

    def _answer(self, path: str) -> bytes:
        body = json.dumps(self.bodies.get(path, {})).encode()
        date = format_datetime(self.date or datetime.now(UTC), usegmt=True)
        head = f"HTTP/1.1 {self.status} X\r\nDate: {date}\r\nContent-Length: {len(body)}\r\n\r\n"
        return head.encode() + body


def ollama(**changes: object) -> Plain:
    """Return a server with Ollama's answers: one model, held and not loaded."""
    bodies = {
        "/api/version": {"version": "0.33.1"},
        "/api/tags": {"models": [{"name": "small:1b", "size": 2_000_000_000}]},
        "/api/ps": {"models": []},
    }
    return Plain(bodies={**bodies, **changes})


def loaded(**changes: object) -> dict[str, object]:
    """Return what ``/api/ps`` says about the profile's model, loaded as it should be."""
    size = 2_000_000_000
    one = {"name": "small:1b", "size": size, "size_vram": size, "context_length": 8192}
    return {"models": [{**one, **changes}]}


def hours_ago(hours: float) -> datetime:
    """Return a moment of a clock that is behind."""
    return datetime.now(UTC) - timedelta(hours=hours)


def the(report: Report, subject: str, level: Level | None = None) -> Finding:
    """Return the one finding about a subject."""
    found = [f for f in report.findings if f.subject == subject and level in {None, f.level}]
    assert len(found) == 1, found
    return found[0]


@contextlib.asynccontextmanager
async def forge(
    household: Household, *, hook: str | None = None, **registered: object
) -> AsyncIterator[None]:
    """Open a forge where the App is installed, and point the settings at it.

    With an address for webhooks it is left alone until these have been tried.
    """
    gate = listen()
    app = {"public_key": public_pem(private_key()), "permissions": union(), **registered}
    config = ForgeConfig(
        state=household.folder / "forge",
        url=gate.url,
        app=AppRegistration.model_validate(app),
        webhook_secret=SecretStr(HUSH),
        people=(Person(login="alice", token=SecretStr(f"ghp_{HUSH}")),),
        repositories=(RepositorySeed(owner="alice", name="shop"),),
        webhook_url=hook,
        first_contact=0,
    )
    made = create_forge(config)
    async with serve(made, gate) as url:
        await forge_of(made)[1].settle()
        household.settings |= {"GITHUB_API_URL": f"{url}/api/v3", "GITHUB_WEB_URL": url}
        yield


def text(report: Report, width: int = 80) -> str:
    """Return a report as it stands in a terminal."""
    return "\n".join(line.plain for line in render(report, width))


def refused_address() -> str:
    """Return an address where nothing listens."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{free.getsockname()[1]}"


async def at_node(household: Household, url: str, *changes: tuple[str, str]) -> Report:
    """Diagnose with one node at an address, without GitHub."""
    return await diagnose(household.env_file, household.profile(url, *changes), seconds=10)
