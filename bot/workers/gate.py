"""The gateway's door for workers: git over HTTP, held to the one run that a token stands for.

A worker reads and adds commits below the run's own namespace of refs. Nothing else of the mirror
is shown to it, and nothing that is there can be moved or deleted.
"""

import base64
import binascii
import hashlib
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.types import Receive, Scope, Send

from bot.places import Places
from shared.domain import RepoRef, Value
from shared.errors import GitError
from shared.git import smart_http
from shared.git.receiving import NOTHING, RefUpdate, joined, read_updates
from shared.git.run_copy import namespace
from shared.store import Store, WorkerStore

PATH = "/git/{owner}/{name}.git/{tail:path}"

_FIXED = (
    ("core.hooksPath", "/dev/null"),
    ("gc.auto", "0"),
    ("http.receivepack", "true"),
    ("receive.autogc", "false"),
    ("receive.denyDeletes", "true"),
    ("receive.denyNonFastForwards", "true"),
    ("receive.fsckObjects", "true"),
    ("receive.maxInputSize", "256m"),
    ("safe.directory", "*"),
)


class Refusal(Exception):
    """A request that is not served, and why."""

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(reason)
        self.status = status

    def response(self) -> Response:
        """Say no in a way that git shows to its user."""
        headers = {"WWW-Authenticate": 'Basic realm="Baton"'} if self.status == UNKNOWN else {}
        return PlainTextResponse(f"{self}\n", self.status, headers)


UNKNOWN, FORBIDDEN, UNSUPPORTED = 401, 403, 415


class Permit(Value):
    """What a request may reach: one repository, and in it one namespace of refs."""

    repo: RepoRef
    refs: str

    @property
    def settings(self) -> tuple[tuple[str, str], ...]:
        """Return settings by which git itself sees nothing but the namespace."""
        shown = ("HEAD", "refs", f"!{self.refs}")
        return (*_FIXED, *(("transfer.hideRefs", pattern) for pattern in shown))

    def check(self, update: RefUpdate) -> None:
        """Raise Refusal for anything but a new ref of the namespace that is named after itself."""
        if NOTHING.fullmatch(update.new):
            raise Refusal(FORBIDDEN, "A worker does not delete what a run has left.")
        if update.ref != f"{self.refs}/{update.new}" or not NOTHING.fullmatch(update.old):
            raise Refusal(FORBIDDEN, f"This token may only add commits below {self.refs}/.")


@dataclass(frozen=True)
class GitGate:
    """Serves the mirrors to workers; an ASGI application for one route."""

    store: Store
    places: Places
    workers: WorkerStore
    at_work: Callable[[str, str], Awaitable[bool]]
    """Tells whether a run is being built by a worker, by their ids."""
    bound: float
    """The seconds after which a silent worker counts as gone."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request of a worker's git."""
        request = Request(scope, receive)
        try:
            await self._serve(request, send)
        except Refusal as refusal:
            await refusal.response()(scope, receive, send)

    async def _serve(self, request: Request, send: Send) -> None:
        service = smart_http.service(request)
        if service is None:
            raise Refusal(FORBIDDEN, "Only git's smart HTTP protocol is spoken here.")
        permit = await self._admit(request)
        pushes = service == smart_http.RECEIVE and request.method == "POST"
        body = await _checked(request, permit) if pushes else request.stream()
        root = self.places.mirror(permit.repo)
        # In the newer protocol a client may ask for any object that it can name.
        older = {"GIT_PROTOCOL": ""}
        async with smart_http.backend(
            request, root, body=body, settings=permit.settings, environment=older
        ) as answer:
            await smart_http.relay(send, *answer)

    async def _admit(self, request: Request) -> Permit:
        """Find out what a request's token allows at this moment."""
        grant = await self.workers.granted(_digest(request.headers.get("authorization", "")))
        if grant is None:
            raise Refusal(UNKNOWN, "This token is unknown or has expired.")
        run = await self.store.run(grant.run_id)
        assert run is not None, "a grant belongs to a run"
        asked = (request.path_params["owner"], request.path_params["name"])
        if asked != (run.ref.owner, run.ref.name):
            raise Refusal(FORBIDDEN, "This token is for another repository.")
        living = {worker.id for worker in await self.workers.living(self.bound)}
        if grant.worker not in living or not await self.at_work(run.id, grant.worker):
            raise Refusal(FORBIDDEN, "This worker does not build this run any more.")
        return Permit(repo=run.ref, refs=namespace(run.number, run.attempt))


async def _checked(request: Request, permit: Permit) -> AsyncIterator[bytes]:
    """Return the body of a push once every ref that it names is allowed."""
    # What is checked has to be what git reads.
    if request.headers.get("content-encoding", "identity") != "identity":
        raise Refusal(UNSUPPORTED, "A push is taken as it is, not compressed once more.")
    body = request.stream()
    try:
        updates, head = await read_updates(body)
    except GitError as error:
        raise Refusal(FORBIDDEN, str(error)) from error
    for update in updates:
        permit.check(update)
    return joined(head, body)


def _digest(authorization: str) -> str:
    """Return the SHA-256 of the token in a Basic header; of nothing when there is none."""
    scheme, _, value = authorization.partition(" ")
    if scheme.lower() != "basic":
        raise Refusal(UNKNOWN, "A worker's token is needed here.")
    try:
        password = base64.b64decode(value, validate=True).partition(b":")[2]
    except binascii.Error as error:
        raise Refusal(UNKNOWN, "These credentials cannot be read.") from error
    return hashlib.sha256(password).hexdigest()
