"""Git over smart HTTP: who may clone and push, and what follows from a push."""

from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.types import Receive, Scope, Send

from bot.demo.forge import branches
from bot.demo.forge.actors import NOBODY, Actor
from bot.demo.forge.config import Level
from bot.demo.forge.core import Forge, Unit
from bot.demo.forge.credentials import authenticate
from bot.demo.forge.problems import Problem
from bot.demo.forge.tables import Repository
from shared.git import smart_http

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


@dataclass(frozen=True)
class GitEndpoint:
    """Serves clones, fetches and pushes; an ASGI application for one route."""

    forge: Forge

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request of a git client."""
        request = Request(scope, receive)
        service = smart_http.service(request)
        if service is None:
            refused = PlainTextResponse("Only git's smart HTTP protocol is spoken here.\n", 403)
            await refused(scope, receive, send)
            return
        writes = service == smart_http.RECEIVE
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
            async with smart_http.backend(request, self.forge.git_path(repo)) as answer:
                await smart_http.relay(send, *answer)


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
        root = forge.git_path(repo)
        async with smart_http.backend(request, root, environment=env) as (start, output):
            answer = b"".join([chunk async for chunk in output])
        after = await bare.refs()
        if before != after:
            async with forge.writing(actor) as unit:
                row = await unit.session.get_one(Repository, repo.id)
                await branches.moved(unit, row, before, after)
    headers = {key.decode(): value.decode() for key, value in start["headers"]}
    return Response(answer, start["status"], headers)
