"""The App itself: who it is, where it is installed, its tokens and its deliveries."""

import json
from collections.abc import Mapping
from datetime import timedelta
from typing import Annotated

from fastapi import APIRouter, Body
from pydantic import BaseModel
from sqlalchemy import select

from bot.demo.forge.core import Json, Unit, digest, stamp
from bot.demo.forge.credentials import new_installation_token
from bot.demo.forge.problems import Problem, not_found, unacceptable
from bot.demo.forge.registering import Registrar, register
from bot.demo.forge.rest.access import AnyCall, AppCall, Call
from bot.demo.forge.rest.paging import AnyPage, page_of
from bot.demo.forge.tables import Delivery, Installation, InstallationToken, Repository
from bot.demo.forge.views import accounts
from bot.demo.forge.views.repositories import full_repository, repository

router = APIRouter()
_TOKEN_LIFE = timedelta(hours=1)
_GRADES = ("read", "write")


class TokenRequest(BaseModel):
    """What a new token is narrowed to."""

    repositories: list[str] | None = None
    repository_ids: list[int] | None = None
    permissions: dict[str, str] | None = None


@router.get("/app")
async def get_app(call: AppCall) -> Json:
    """Get the authenticated App."""
    return await accounts.integration(call.unit)


@router.post("/app-manifests/{code}/conversions", status_code=201)
async def convert_manifest(call: AnyCall, code: str) -> Json:
    """Create a GitHub App from a manifest, once for each code; its secrets are told only here."""
    registrar: Registrar = call.request.app.state.registrar
    return await register(call.unit, registrar.take(code, call.unit.now))


@router.get("/app/installations")
async def list_installations(call: AppCall, page: AnyPage) -> list[Json]:
    """List installations for the authenticated App."""
    rows = await page_of(call, page, select(Installation).order_by(Installation.id))
    return [accounts.installation(call.unit, row) for row in rows]


@router.get("/app/installations/{installation_id}")
async def get_installation(call: AppCall, installation_id: int) -> Json:
    """Get an installation for the authenticated App."""
    return accounts.installation(call.unit, await _installation(call, installation_id))


@router.get("/repos/{owner}/{repo}/installation")
async def get_repo_installation(call: AppCall, owner: str, repo: str) -> Json:
    """Get a repository installation for the authenticated App."""
    row = await call.unit.repository(owner, repo)
    return await _installation_on(call.unit, row.owner_id if row else 0)


@router.get("/users/{username}/installation")
async def get_user_installation(call: AppCall, username: str) -> Json:
    """Get a user installation for the authenticated App."""
    account = await call.unit.account(username)
    return await _installation_on(call.unit, account.id if account else 0)


@router.get("/orgs/{org}/installation")
async def get_org_installation(_call: AppCall, org: str) -> Json:  # noqa: ARG001  part of the path
    """Get an organization installation; the forge knows no organizations."""
    raise not_found()


@router.post("/app/installations/{installation_id}/access_tokens", status_code=201)
async def create_token(
    call: AppCall, installation_id: int, wanted: Annotated[TokenRequest | None, Body()] = None
) -> Json:
    """Create an installation access token."""
    wanted = wanted or TokenRequest()
    row = await _installation(call, installation_id)
    chosen = await _chosen(call, row, wanted)
    permissions = _narrowed(row.permissions, wanted.permissions)
    token = new_installation_token(call.unit.forge)
    expires = call.unit.now + _TOKEN_LIFE
    call.session.add(
        InstallationToken(
            digest=digest(token),
            installation_id=row.id,
            permissions=permissions,
            repository_ids=None if chosen is None else [repo.id for repo in chosen],
            expires_at=expires,
        )
    )
    body: Json = {
        "token": token,
        "expires_at": stamp(expires),
        "permissions": permissions,
        "repository_selection": "all" if chosen is None else "selected",
    }
    if chosen is not None:
        body["repositories"] = [await repository(call.unit, repo) for repo in chosen]
    return body


@router.get("/installation/repositories")
async def list_installation_repositories(call: AnyCall, page: AnyPage) -> Json:
    """List repositories accessible to the installation."""
    actor = call.unit.actor
    if not actor.installation:
        raise Problem(403, "You must authenticate with an installation access token.")
    query = select(Repository).where(Repository.owner_id == actor.installation.account_id)
    rows = await page_of(call, page, query.order_by(Repository.id))
    seen = [row for row in rows if actor.covers(row)]
    return {
        "total_count": len(seen),
        "repository_selection": "all" if actor.repository_ids is None else "selected",
        "repositories": [await full_repository(call.unit, row) for row in seen],
    }


@router.get("/app/hook/deliveries")
async def list_deliveries(call: AppCall, page: AnyPage, cursor: int | None = None) -> list[Json]:
    """List deliveries of the App's webhook, the newest first."""
    query = select(Delivery).where(Delivery.delivered_at.is_not(None)).order_by(Delivery.id.desc())
    if cursor:
        query = query.where(Delivery.id < cursor)
    rows = list(await call.session.scalars(query.limit(page.size + 1)))
    if len(rows) > page.size:
        following = f"per_page={page.size}&cursor={rows[page.size - 1].id}"
        url = f"{call.unit.urls.api}/app/hook/deliveries?{following}"
        call.response.headers["Link"] = f'<{url}>; rel="next"'
    return [_delivery(row) for row in rows[: page.size]]


@router.get("/app/hook/deliveries/{delivery_id}")
async def get_delivery(call: AppCall, delivery_id: int) -> Json:
    """Get a delivery of the App's webhook, with what was sent and answered."""
    row = await find_delivery(call.unit, delivery_id)
    return _delivery(row) | {
        "url": call.unit.forge.config.webhook_url,
        "request": {"headers": row.request_headers, "payload": json.loads(row.payload)},
        "response": {"headers": row.response_headers or {}, "payload": row.response_body},
    }


@router.post("/app/hook/deliveries/{delivery_id}/attempts", status_code=202)
async def redeliver(call: AppCall, delivery_id: int) -> Json:
    """Redeliver a delivery: the same payload under the same GUID."""
    again(call.unit, await find_delivery(call.unit, delivery_id))
    await call.session.flush()
    return {}


async def find_delivery(unit: Unit, delivery_id: int) -> Delivery:
    """Find a delivery. Raises Problem 404."""
    row = await unit.session.get(Delivery, delivery_id)
    if row is None:
        raise not_found()
    return row


def again(unit: Unit, row: Delivery) -> None:
    """Send a delivery once more, after the commit."""
    attempt = Delivery(
        guid=row.guid,
        event=row.event,
        action=row.action,
        installation_id=row.installation_id,
        repository_id=row.repository_id,
        payload=row.payload,
        redelivery=True,
        created_at=unit.now,
        request_headers={},
    )
    unit.session.add(attempt)
    unit.deliveries.append(attempt)


def _delivery(row: Delivery) -> Json:
    return {
        "id": row.id,
        "guid": row.guid,
        "delivered_at": stamp(row.delivered_at or row.created_at),
        "redelivery": row.redelivery,
        "duration": row.duration,
        "status": row.status,
        "status_code": row.status_code,
        "event": row.event,
        "action": row.action,
        "installation_id": row.installation_id,
        "repository_id": row.repository_id,
        "throttled_at": None,
    }


async def _installation(call: Call, installation_id: int) -> Installation:
    row = await call.session.get(Installation, installation_id)
    if row is None:
        raise not_found()
    return row


async def _installation_on(unit: Unit, account_id: int) -> Json:
    row = await unit.installation(account_id)
    if row is None:
        raise not_found()
    return accounts.installation(unit, row)


async def _chosen(call: Call, row: Installation, wanted: TokenRequest) -> list[Repository] | None:
    if wanted.repositories is None and wanted.repository_ids is None:
        return None
    query = select(Repository).where(
        Repository.owner_id == row.account_id,
        Repository.name.in_(wanted.repositories or [])
        | Repository.id.in_(wanted.repository_ids or []),
    )
    rows = list(await call.session.scalars(query))
    if len(rows) < len({*(wanted.repositories or []), *(wanted.repository_ids or [])}):
        raise Problem(
            422,
            "There is at least one repository that does not exist or is not accessible "
            "to the parent installation.",
        )
    return rows


def _narrowed(granted: Mapping[str, str], wanted: Mapping[str, str] | None) -> dict[str, str]:
    for name, grade in (wanted or {}).items():
        if grade not in _GRADES:
            raise unacceptable(f"For 'properties/{name}', {grade} is not a possible value.")
        if name not in granted or _GRADES.index(granted[name]) < _GRADES.index(grade):
            raise Problem(422, "The permissions requested are not granted to this installation.")
    return dict(granted if wanted is None else {"metadata": "read", **wanted})
