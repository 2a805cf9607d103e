"""Accounts, and what they may do in a repository."""

from fastapi import APIRouter
from sqlalchemy import func, select

from bot.demo.forge.core import Json
from bot.demo.forge.problems import Problem, forbidden_to_app, not_found
from bot.demo.forge.rest.access import AnyCall, Call
from bot.demo.forge.tables import Account, Repository
from bot.demo.forge.views import accounts

router = APIRouter()


@router.get("/user")
async def get_myself(call: AnyCall) -> Json:
    """Get the authenticated user."""
    actor = call.unit.actor
    if actor.installation or actor.is_app:
        raise forbidden_to_app()
    if actor.account is None:
        raise Problem(401, "Requires authentication")
    count = await _repositories(call, actor.account)
    return accounts.private_user(call.unit, actor.account, count)


@router.get("/users/{username}")
async def get_user(call: AnyCall, username: str) -> Json:
    """Get a user, or a bot by its name with ``[bot]``."""
    account = await call.unit.account(username)
    if account is None:
        raise not_found()
    return accounts.public_user(call.unit, account, await _repositories(call, account))


@router.get("/rate_limit")
async def get_rate_limit(call: AnyCall) -> Json:
    """Get the rate limit status of the caller."""
    core = call.request.app.state.limiter.overview(call.unit.actor.key)
    search = core | {"limit": 30, "used": 0, "remaining": 30}
    return {"resources": {"core": core, "search": search, "graphql": core}, "rate": core}


async def _repositories(call: Call, account: Account) -> int:
    query = select(func.count()).where(
        Repository.owner_id == account.id, Repository.private.is_(False)
    )
    return await call.session.scalar(query) or 0
