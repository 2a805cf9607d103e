"""Two counterparts on 127.0.0.1: one that answers as it is told, and the embedded forge."""

import asyncio
import os
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import httpx
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from githubkit.auth import TokenAuthStrategy
from pydantic import SecretStr
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.types import Receive, Scope, Send

from bot.demo.forge import (
    AppRegistration,
    Faults,
    ForgeConfig,
    Level,
    Person,
    RateLimits,
    RepositorySeed,
    create_forge,
    forge_of,
)
from bot.demo.forge.core import Forge
from bot.serving import listen, serve
from shared.domain import RepoRef
from shared.github import (
    Annotation,
    AnnotationLevel,
    Check,
    CheckStatus,
    Conclusion,
    GitHub,
    GitHubRepo,
)
from shared.github.client import Client
from shared.github.pace import Pace, Turnstile
from shared.github.permissions import union
from shared.github.urls import GitHubUrls

TOKEN = SecretStr("ghp_0123456789abcdefghijABCDEFGHIJ012345")


@dataclass
class Scripted:
    """Answers with the next status or response; keeps what it was asked."""

    answers: list[int | Response] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)
    ports: set[int] = field(default_factory=set)
    busy: int = 0
    busiest: int = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] == "lifespan":
            await _lifespan(receive, send)
            return
        self.busy += 1
        self.busiest = max(self.busy, self.busiest)
        request = Request(scope, receive)
        await request.body()
        self.asked.append(f"{request.method} {scope['raw_path'].decode()}")
        self.headers.append(dict(request.headers))
        self.ports.add(scope["client"][1])
        await asyncio.sleep(0)
        answer = self.answers.pop(0) if self.answers else 200
        response = answer if isinstance(answer, Response) else as_github(answer)
        self.busy -= 1
        await response(scope, receive, send)


def as_github(
    status: int, message: str = "as told", headers: dict[str, str] | None = None
) -> JSONResponse:
    """Answer in GitHub's form; a success is a branch."""
    branch = {"name": "main", "commit": {"sha": "a" * 40}}
    body = branch if status < 300 else {"message": message, "status": str(status)}
    return JSONResponse(body, status, headers)


class Hangup(Response):
    """Breaks the connection in the middle of the answer."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Announce more than is sent; the server then closes the connection."""
        del scope, receive
        await send(
            {"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"9")]}
        )
        await send({"type": "http.response.body", "body": b"{"})


class Silence(Response):
    """Never answers, until the client has gone."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Wait for the client to hang up."""
        del scope, send
        while (await receive())["type"] != "http.disconnect":
            pass


async def _lifespan(receive: Receive, send: Send) -> None:
    for _ in range(2):
        event = (await receive())["type"]
        await send({"type": f"{event}.complete"})


@dataclass
class Line:
    """A client, the server behind it, and the naps it wanted to take."""

    url: str
    server: Scripted
    naps: list[float]
    connect: Callable[..., Client]

    @property
    def client(self) -> Client:
        """A client with no spacing of writes."""
        return self.connect()


@pytest.fixture
async def line() -> AsyncIterator[Line]:
    """Connect a client with a token to a scripted server; no nap is really taken."""
    server = Scripted()
    naps: list[float] = []
    clients: list[Client] = []

    async def sleep(seconds: float) -> None:
        naps.append(seconds)

    async with serve(server) as url:

        def connect(spacing: float = 0, timeout: float = 5, at: str = url) -> Client:
            pace = Pace(timeout=timeout, write_spacing=spacing, sleep=sleep)
            auth = TokenAuthStrategy(TOKEN.get_secret_value())
            clients.append(Client(auth, GitHubUrls.of_server(at), pace, Turnstile(pace)))
            return clients[-1]

        yield Line(url, server, naps, connect)
        for client in clients:
            await client.aclose()


BOB, ALICE = SecretStr("ghp_bob"), SecretStr("ghp_alice")
REF = RepoRef(owner="alice", name="shop")
BRANCH = "baton/issue-1-crash"


@pytest.fixture(scope="session")
def app_key() -> tuple[SecretStr, str]:
    """A key pair of an App, in PEM: private and public."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    private = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.TraditionalOpenSSL,
        serialization.NoEncryption(),
    )
    public = key.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    return SecretStr(private.decode()), public.decode()


@dataclass
class Hub:
    """The embedded forge with one repository, and Baton's connection to it."""

    url: str
    forge: Forge
    faults: Faults
    github: GitHub
    repo: GitHubRepo
    naps: list[float]
    key: SecretStr
    browser: httpx.AsyncClient

    async def as_person(self, token: SecretStr, method: str, path: str, **fields: object) -> Any:  # noqa: ANN401  objects and lists alike
        """Do something as a person, in the repository."""
        answer = await self.browser.request(
            method,
            f"{self.url}/api/v3/repos/{REF}{path}",
            json=fields or None,
            headers={"Authorization": f"Bearer {token.get_secret_value()}"},
        )
        assert answer.is_success, answer.text
        return answer.json() if answer.content else {}

    async def push(self, branch: str = BRANCH, text: str = "fixed\n") -> str:
        """Push a branch with one more commit, as alice; return the commit."""
        origin = f"http://alice:{ALICE.get_secret_value()}@{self.url.removeprefix('http://')}/{REF}"
        with TemporaryDirectory() as folder:
            await _git(folder, "clone", "--quiet", f"{origin}.git", ".")
            await _git(folder, "checkout", "--quiet", "-B", branch)
            (Path(folder) / "fix.txt").write_text(text, encoding="utf-8")
            await _git(folder, "add", "fix.txt")
            await _git(folder, "commit", "--quiet", "-m", "Fix the crash")
            await _git(folder, "push", "--quiet", "origin", branch)
            return await _git(folder, "rev-parse", "HEAD")


async def _git(folder: str, *arguments: str) -> str:
    who = ["-c", "user.name=Alice", "-c", "user.email=alice@example.com"]
    process = await asyncio.create_subprocess_exec(
        "git",
        *who,
        *arguments,
        cwd=folder,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env={"PATH": os.environ["PATH"], "HOME": folder, "GIT_CONFIG_NOSYSTEM": "1"},
    )
    output, complaint = await process.communicate()
    assert process.returncode == 0, complaint.decode()
    return output.decode().strip()


@pytest.fixture
async def hub(tmp_path: Path, app_key: tuple[SecretStr, str]) -> AsyncIterator[Hub]:
    """Open a forge where alice owns a repository, and connect Baton as an App."""
    private, public = app_key
    listener, naps, faults = listen(), [], Faults()
    config = ForgeConfig(
        state=tmp_path / "forge",
        url=listener.url,
        app=AppRegistration(public_key=public, permissions=union()),
        webhook_secret=SecretStr("a webhook secret for tests only"),
        people=(
            Person(login="alice", token=ALICE),
            Person(login="bob", token=BOB),
            *[Person(login=f"p-{level.role}") for level in Level],
        ),
        repositories=(
            RepositorySeed(
                owner="alice",
                name="shop",
                collaborators={
                    f"p-{level.role}": level for level in Level if level is not Level.NONE
                },
            ),
        ),
        faults=faults,
        limits=RateLimits(writes_per_minute=500),
    )

    async def sleep(seconds: float) -> None:
        naps.append(seconds)

    app = create_forge(config)
    async with serve(app, listener) as url, httpx.AsyncClient(trust_env=False) as browser:
        github = GitHub.as_app(
            config.app.id,
            private,
            GitHubUrls.of_server(url),
            pace=Pace(timeout=10, write_spacing=0, sleep=sleep),
        )
        repo = await github.repo(REF)
        yield Hub(url, forge_of(app)[0], faults, github, repo, naps, private, browser)
        await github.aclose()


@pytest.fixture
async def issue(hub: Hub) -> int:
    """An issue by bob."""
    made = await hub.as_person(BOB, "POST", "/issues", title="It crashes", body="On empty input.")
    return int(made["number"])


async def comments(hub: Hub, number: int) -> list[str]:
    """Read the texts of an issue's comments."""
    found = await hub.as_person(ALICE, "GET", f"/issues/{number}/comments")
    return [one["body"] for one in found]


def check(sha: str, annotations: int = 0, *, done: bool = True) -> Check:
    """Describe a check run with so many annotations."""
    return Check(
        name="Baton",
        head_sha=sha,
        external_id="run-1",
        status=CheckStatus.COMPLETED if done else CheckStatus.IN_PROGRESS,
        conclusion=Conclusion.SUCCESS if done else None,
        title="Verified",
        summary="s" * 70_000 if done else "working",
        annotations=tuple(
            Annotation(
                path="fix.txt",
                start_line=1,
                end_line=1,
                annotation_level=AnnotationLevel.NOTICE,
                message=f"n{number}",
            )
            for number in range(annotations)
        ),
    )
