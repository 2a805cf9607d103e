"""Open the state for one request, after checking who asks and whether they may."""

from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Request, Response
from sqlalchemy.ext.asyncio import AsyncSession

from bot.demo.forge import acts
from bot.demo.forge.actors import NOBODY
from bot.demo.forge.config import Level
from bot.demo.forge.core import Forge, Unit
from bot.demo.forge.credentials import authenticate
from bot.demo.forge.problems import Problem, forbidden_to_app, forbidden_to_person, not_found
from bot.demo.forge.tables import Account, Issue, Pull, Repository

_SAFE = {"GET", "HEAD"}


@dataclass
class Call:
    """One request: the unit of work, and the response whose headers it may set."""

    unit: Unit
    request: Request
    response: Response

    @property
    def session(self) -> AsyncSession:
        """Return the database session."""
        return self.unit.session


@dataclass
class Place(Call):
    """One request about a repository that its caller may see."""

    repo: Repository

    @property
    def user(self) -> Account:
        """Return the account that acts."""
        return self.unit.user

    async def issue(self, number: int) -> Issue:
        """Find an issue or pull request. Raises Problem 404, or 403 by its kind."""
        row = await acts.find_issue(self.unit, self.repo, number)
        if row is None:
            raise not_found()
        self.allow_for(row)
        return row

    def allow_for(self, row: Issue) -> None:
        """Refuse an App that may touch pull requests but not issues, and the other way round."""
        actor = self.unit.actor
        grade = "read" if self.request.method in _SAFE else "write"
        kinds = ("issues", "pull_requests") if row.pull else ("issues",)
        if actor.installation and not any(actor.granted(kind, grade) for kind in kinds):
            raise forbidden_to_app()

    async def pull(self, number: int) -> Pull:
        """Find a pull request. Raises Problem 404."""
        row = await acts.find_issue(self.unit, self.repo, number)
        if row is None or row.pull is None:
            raise not_found()
        return row.pull

    async def level(self) -> Level:
        """Return what the caller may do here; an App's token stands for write."""
        if self.unit.actor.installation:
            return Level.WRITE
        return await self.unit.level(self.repo, self.user)

    async def require(self, level: Level) -> None:
        """Refuse a person below a level."""
        if await self.level() < level:
            raise forbidden_to_person(level.role)


async def open_call(request: Request, response: Response) -> AsyncIterator[Call]:
    """Open the state and find out who calls."""
    forge: Forge = request.app.state.forge
    writes = request.method not in _SAFE
    context = forge.writing(NOBODY) if writes else forge.reading(NOBODY)
    async with context as unit:
        unit.actor = await authenticate(unit, request.headers.get("authorization"))
        request.state.caller = unit.actor.key
        limiter = request.app.state.limiter
        limiter.count(unit.actor.key)
        if writes:
            limiter.count_write(unit.actor.key)
        yield Call(unit, request, response)


AnyCall = Annotated[Call, Depends(open_call, scope="function")]


async def app_call(call: AnyCall) -> Call:
    """Admit the App itself, by its JWT."""
    if not call.unit.actor.is_app:
        raise Problem(401, "A JSON web token could not be decoded")
    return call


AppCall = Annotated[Call, Depends(app_call, scope="function")]


def place(
    *permissions: str, grade: str = "read", person: Level = Level.READ
) -> Callable[..., object]:
    """Make a dependency that admits callers to a repository.

    An App needs one of the permissions at the grade, a person the level.
    """

    async def enter(call: AnyCall, owner: str, repo: str) -> Place:
        unit = call.unit
        row = await unit.repository(owner, repo)
        if row is None or not await _sees(unit, row):
            raise not_found()
        await _check(unit, row, permissions, grade, person)
        return Place(unit, call.request, call.response, row)

    return enter


async def _sees(unit: Unit, repo: Repository) -> bool:
    if unit.actor.is_app:
        raise forbidden_to_app()
    if unit.actor.installation:
        return unit.actor.covers(repo) or not repo.private
    if unit.actor.account:
        return await unit.level(repo, unit.actor.account) >= Level.READ
    return not repo.private


async def _check(
    unit: Unit, repo: Repository, permissions: tuple[str, ...], grade: str, person: Level
) -> None:
    actor = unit.actor
    if actor.installation:
        allowed = any(actor.granted(permission, grade) for permission in permissions)
        if not (allowed and actor.covers(repo)):
            raise forbidden_to_app()
    elif actor.account:
        if await unit.level(repo, actor.account) < person:
            raise forbidden_to_person(person.role)
    elif grade != "read":
        raise Problem(401, "Requires authentication")


def _at(*permissions: str, grade: str = "read", person: Level = Level.READ) -> object:
    return Depends(place(*permissions, grade=grade, person=person), scope="function")


_TALK = ("issues", "pull_requests")
AtMetadata = Annotated[Place, _at("metadata")]
AtContents = Annotated[Place, _at("contents")]
AtContentsWrite = Annotated[Place, _at("contents", grade="write", person=Level.WRITE)]
AtIssues = Annotated[Place, _at(*_TALK)]
AtIssuesWrite = Annotated[Place, _at(*_TALK, grade="write")]
AtLabelsWrite = Annotated[Place, _at(*_TALK, grade="write", person=Level.TRIAGE)]
AtPulls = Annotated[Place, _at("pull_requests")]
AtPullsWrite = Annotated[Place, _at("pull_requests", grade="write")]
AtChecks = Annotated[Place, _at("checks")]
AtChecksWrite = Annotated[Place, _at("checks", grade="write", person=Level.WRITE)]
