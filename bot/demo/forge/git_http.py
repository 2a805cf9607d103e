"""Git over smart HTTP: ``git http-backend`` behind a streaming bridge."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from starlette.requests import ClientDisconnect, Request
from starlette.responses import PlainTextResponse, Response
from starlette.types import Message, Receive, Scope, Send

from bot.demo.forge import branches
from bot.demo.forge.actors import NOBODY, Actor
from bot.demo.forge.bare import clean_environment
from bot.demo.forge.config import Level
from bot.demo.forge.core import Forge, Unit
from bot.demo.forge.credentials import authenticate
from bot.demo.forge.problems import Problem
from bot.demo.forge.tables import Repository

PRE_RECEIVE = """#!/bin/sh
# GitHub lets an App change workflows only with the `workflows` permission.
[ "$FORGE_WORKFLOWS" = allowed ] && exit 0
while read -r _ new ref; do
  case $new in *[!0]*) ;; *) continue ;; esac
  file=$(git log -m --format= --name-only "$new" --not --all -- .github/workflows | head -n 1)
  if [ -n "$file" ]; then
    echo "refusing to allow a GitHub App to create or update workflow" \\
      "\\`$file\\` without \\`workflows\\` permission ($ref)" >&2
    exit 1
  fi
done
"""

PATH = "/{owner}/{name}.git/{tail:path}"
_CHUNK = 65_536
_SERVICES = ("git-upload-pack", "git-receive-pack")


@dataclass(frozen=True)
class GitEndpoint:
    """Serves clones, fetches and pushes; an ASGI application for one route."""

    forge: Forge

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request of a git client."""
        request = Request(scope, receive)
        service = _service(request)
        if service not in _SERVICES:
            refused = PlainTextResponse("Only git's smart HTTP protocol is spoken here.\n", 403)
            await refused(scope, receive, send)
            return
        writes = service == "git-receive-pack"
        names = scope["path_params"]
        try:
            actor, repo = await _admit(
                self.forge, request, names["owner"], names["name"], writes=writes
            )
        except Problem as problem:
            await _refusal(problem)(scope, receive, send)
            return
        if writes and request.method == "POST":
            await (await _push(self.forge, request, actor, repo))(scope, receive, send)
        else:
            async with _backend(self.forge, request, repo, {}) as (start, output):
                await send(start)
                async for chunk in output:
                    await send({"type": "http.response.body", "body": chunk, "more_body": True})
                await send({"type": "http.response.body", "body": b""})


def _service(request: Request) -> str | None:
    tail = request.path_params["tail"]
    if tail == "info/refs" and request.method == "GET":
        return request.query_params.get("service")
    return str(tail) if request.method == "POST" else None


async def _admit(
    forge: Forge, request: Request, owner: str, name: str, *, writes: bool
) -> tuple[Actor, Repository]:
    async with forge.reading(NOBODY) as unit:
        unit.actor = await authenticate(unit, request.headers.get("authorization"))
        repo = await unit.repository(owner, name)
        readable = repo is not None and await _may(unit, repo, writes=False)
        if unit.actor.key == "anonymous" and (writes or not readable):
            raise Problem(401, "Authentication required.")
        if repo is None or not readable:
            raise Problem(404, "Repository not found.")
        if writes and not await _may(unit, repo, writes=True):
            raise Problem(403, f"Permission to {repo.full_name}.git denied to {unit.user.login}.")
        return unit.actor, repo


async def _may(unit: Unit, repo: Repository, *, writes: bool) -> bool:
    actor = unit.actor
    if actor.installation:
        grade = "write" if writes else "read"
        return actor.covers(repo) and actor.granted("contents", grade)
    if actor.account:
        return await unit.level(repo, actor.account) >= (Level.WRITE if writes else Level.READ)
    return not (repo.private or writes)


def _refusal(problem: Problem) -> Response:
    headers = {"WWW-Authenticate": 'Basic realm="GitHub"'} if problem.status == 401 else {}  # noqa: PLR2004  401 is a status everybody knows
    return PlainTextResponse(f"{problem}\n", problem.status, headers)


async def _push(forge: Forge, request: Request, actor: Actor, repo: Repository) -> Response:
    """Receive a push; the branches that it moved are announced before it is answered."""
    bare = forge.bare(repo)
    free = not actor.installation or actor.granted("workflows", "write")
    env = {"FORGE_WORKFLOWS": "allowed" if free else "refused"}
    async with forge.push_lock(repo):
        before = await bare.refs()
        async with _backend(forge, request, repo, env) as (start, output):
            answer = b"".join([chunk async for chunk in output])
        after = await bare.refs()
        if before != after:
            async with forge.writing(actor) as unit:
                row = await unit.session.get_one(Repository, repo.id)
                await branches.moved(unit, row, before, after)
    headers = {key.decode(): value.decode() for key, value in start["headers"]}
    return Response(answer, start["status"], headers)


@contextlib.asynccontextmanager
async def _backend(
    forge: Forge, request: Request, repo: Repository, extra: Mapping[str, str]
) -> AsyncIterator[tuple[Message, AsyncIterator[bytes]]]:
    """Run git's CGI program; yield the start of the response and its body."""
    root = forge.git_path(repo)
    process = await asyncio.create_subprocess_exec(
        "git",
        "http-backend",
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
        env=clean_environment(root, _cgi(request, root) | dict(extra)),
    )
    assert process.stdin
    assert process.stdout
    feeding = asyncio.create_task(_feed(request, process.stdin))
    try:
        yield await _start(process.stdout), _body(process.stdout)
    except BaseException:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        raise
    finally:
        feeding.cancel()
        await process.wait()
        await asyncio.gather(feeding, return_exceptions=True)


async def _feed(request: Request, stdin: asyncio.StreamWriter) -> None:
    gone = (BrokenPipeError, ConnectionResetError, ClientDisconnect)
    with contextlib.suppress(*gone):
        async for chunk in request.stream():
            stdin.write(chunk)
            await stdin.drain()
    stdin.close()
    with contextlib.suppress(*gone):
        await stdin.wait_closed()


async def _start(stdout: asyncio.StreamReader) -> Message:
    """Read the CGI headers."""
    status, headers = 200, []
    while line := (await stdout.readline()).strip():
        name, _, value = line.partition(b":")
        if name.lower() == b"status":
            status = int(value.split()[0])
        else:
            headers.append((name.strip().lower(), value.strip()))
    return {"type": "http.response.start", "status": status, "headers": headers}


async def _body(stdout: asyncio.StreamReader) -> AsyncIterator[bytes]:
    while chunk := await stdout.read(_CHUNK):
        yield chunk


def _cgi(request: Request, root: Path) -> dict[str, str]:
    headers = {
        "CONTENT_TYPE": "content-type",
        "CONTENT_LENGTH": "content-length",
        "HTTP_CONTENT_ENCODING": "content-encoding",
        "GIT_PROTOCOL": "git-protocol",
    }
    given = {key: request.headers[name] for key, name in headers.items() if name in request.headers}
    return given | {
        "REQUEST_METHOD": request.method,
        "QUERY_STRING": request.url.query,
        "GIT_PROJECT_ROOT": str(root.parent),
        "PATH_INFO": f"/{root.name}/{request.path_params['tail']}",
        "GIT_HTTP_EXPORT_ALL": "1",
        # http-backend lets only named users push; who it is has been settled before.
        "REMOTE_USER": "forge",
        "SERVER_PROTOCOL": "HTTP/1.1",
    }
