"""Repositories, and what people may do in them."""

from fastapi import APIRouter

from bot.demo.forge.core import Json
from bot.demo.forge.problems import not_found
from bot.demo.forge.rest.access import AtMetadata
from bot.demo.forge.views.accounts import simple_user
from bot.demo.forge.views.repositories import full_repository, permissions

router = APIRouter(prefix="/repos/{owner}/{repo}")


@router.get("")
async def get_repository(at: AtMetadata) -> Json:
    """Get a repository."""
    return await full_repository(at.unit, at.repo)


@router.get("/collaborators/{username}/permission")
async def get_permission(at: AtMetadata, username: str) -> Json:
    """Get repository permissions for a user."""
    account = await at.unit.account(username)
    if account is None:
        raise not_found()
    level = await at.unit.level(at.repo, account)
    user = simple_user(at.unit, account)
    return {
        "permission": level.legacy,
        "role_name": level.role,
        "user": user | {"permissions": permissions(level), "role_name": level.role},
    }
