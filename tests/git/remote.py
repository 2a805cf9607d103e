"""A remote that speaks git's smart HTTP, asks for a token, and can be told to misbehave."""

import asyncio
import base64
import contextlib
import os
import subprocess
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path

from pydantic import SecretStr
from starlette.requests import Request
from starlette.responses import PlainTextResponse, RedirectResponse, Response
from starlette.types import Receive, Scope, Send

from bot.serving import serve
from shared.git import Mirror

TOKEN = "ghs_1234_a.very-secret_token"


@dataclass
class Remote:
    """Bare repositories below a directory, served through ``git http-backend``."""

    root: Path
    token: str = TOKEN
    elsewhere: str = ""
    url: str = ""
    authorizations: list[str] = field(default_factory=list)
    held: asyncio.Event = field(default_factory=asyncio.Event)
    go_on: asyncio.Event = field(default_factory=asyncio.Event)

    def __post_init__(self) -> None:
        self.go_on.set()

    @contextlib.asynccontextmanager
    async def serving(self) -> AsyncIterator["Remote"]:
        """Answer on 127.0.0.1 while the context is open."""
        async with serve(self) as self.url:
            yield self

    def mirror(self, path: Path, *, token: str | None = TOKEN) -> Mirror:
        """Return a mirror of the repository, with a token."""

        async def credentials() -> SecretStr | None:
            return SecretStr(token) if token else None

        return Mirror(path, f"{self.url}/r.git", credentials)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] == "lifespan":
            await receive()
            await send({"type": "lifespan.startup.complete"})
            await receive()
            await send({"type": "lifespan.shutdown.complete"})
            return
        request = Request(scope, receive)
        await (await self._answer(request))(scope, receive, send)

    async def _answer(self, request: Request) -> Response:
        given = request.headers.get("authorization", "")
        self.authorizations.append(given)
        if self.elsewhere:
            return RedirectResponse(
                self.elsewhere + str(request.url.path) + f"?{request.url.query}"
            )
        if self.token and given != basic(self.token):
            return PlainTextResponse("who?", 401, {"WWW-Authenticate": 'Basic realm="test"'})
        self.held.set()
        await self.go_on.wait()
        return await asyncio.to_thread(self._backend, request, await request.body())

    def _backend(self, request: Request, body: bytes) -> Response:
        done = subprocess.run(
            ["git", "http-backend"],
            input=body,
            stdout=subprocess.PIPE,
            check=True,
            env={
                "PATH": os.environ["PATH"],
                "GIT_CONFIG_NOSYSTEM": "1",
                "GIT_HTTP_EXPORT_ALL": "1",
                "GIT_PROJECT_ROOT": str(self.root),
                "GIT_PROTOCOL": request.headers.get("git-protocol", ""),
                "PATH_INFO": request.url.path,
                "QUERY_STRING": request.url.query,
                "REQUEST_METHOD": request.method,
                "CONTENT_TYPE": request.headers.get("content-type", ""),
                "CONTENT_LENGTH": str(len(body)),
                "HTTP_CONTENT_ENCODING": request.headers.get("content-encoding", ""),
                "REMOTE_USER": "somebody",
            },
        )
        head, _, content = done.stdout.partition(b"\r\n\r\n")
        headers = dict(line.split(": ", 1) for line in head.decode().splitlines())
        status = int(headers.pop("Status", "200").split()[0])
        return Response(content, status, headers)


def basic(token: str) -> str:
    """Return the header by which git gives a token."""
    return "Basic " + base64.b64encode(f"x-access-token:{token}".encode()).decode()


def git(*arguments: str, cwd: Path) -> str:
    """Run plain git as a person would, without that person's configuration."""
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(cwd),
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_AUTHOR_NAME": "A",
        "GIT_AUTHOR_EMAIL": "a@example.com",
        "GIT_COMMITTER_NAME": "A",
        "GIT_COMMITTER_EMAIL": "a@example.com",
    }
    done = subprocess.run(
        ["git", *arguments], cwd=cwd, env=environment, check=True, capture_output=True, text=True
    )
    return done.stdout.strip()


def seed(root: Path, files: dict[str, str]) -> str:
    """Make the bare repository ``r.git`` with one commit on ``main``; return the commit."""
    work = root / "seed"
    work.mkdir(parents=True)
    git("init", "--quiet", "--initial-branch=main", cwd=work)
    for name, text in files.items():
        path = work / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    git("add", "--all", cwd=work)
    git("commit", "--quiet", "--message=first", cwd=work)
    git("tag", "v1", cwd=work)
    git("clone", "--quiet", "--bare", str(work), str(root / "r.git"), cwd=root)
    git("config", "http.receivepack", "true", cwd=root / "r.git")
    return git("rev-parse", "HEAD", cwd=work)
