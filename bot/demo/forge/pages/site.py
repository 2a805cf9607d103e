"""The pages as one application."""

import hashlib
from importlib.resources import files
from urllib.parse import urlsplit

from fastapi import Depends, FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import HTMLResponse, PlainTextResponse, Response
from sqlalchemy import func, select
from starlette.exceptions import HTTPException
from starlette.middleware.base import RequestResponseEndpoint

from bot.demo.forge.core import Forge
from bot.demo.forge.pages import apps, code, doing, talk
from bot.demo.forge.pages.visit import version, visit
from bot.demo.forge.problems import Problem, not_found
from bot.demo.forge.registering import Registrar
from bot.demo.forge.tables import Delivery

_STATIC = files("bot.demo.forge") / "static"
_TYPES = {"page.css": "text/css", "page.js": "text/javascript"}
_POLICY = (
    "default-src 'none'; script-src 'self'; connect-src 'self'; img-src 'self'; "
    "style-src 'self' 'unsafe-inline'; form-action {targets}; base-uri 'none'; "
    "frame-ancestors 'none'"
)
_SHOWN = 200


def create_site(forge: Forge, api: FastAPI, registrar: Registrar) -> FastAPI:
    """Put the pages together; their forms call the API."""
    site = FastAPI(title="forge pages", openapi_url=None)
    site.state.forge, site.state.api, site.state.registrar = forge, api, registrar
    site.middleware("http")(_guard)
    site.add_exception_handler(Problem, _problem)
    site.add_exception_handler(HTTPException, _problem)
    site.add_exception_handler(RequestValidationError, _problem)
    site.add_api_route("/-/version", _version)
    site.add_api_route("/-/deliveries", _deliveries)
    site.add_api_route("/-/deliveries/{delivery_id}", _delivery)
    site.add_api_route("/-/avatars/{login}.svg", _avatar)
    site.add_api_route("/-/{name}", _static)
    own_forms = [Depends(doing.require_same_origin)]
    site.include_router(doing.router, dependencies=own_forms)
    site.include_router(apps.agreeing, dependencies=own_forms)
    site.include_router(apps.asking)
    site.include_router(talk.router)
    site.include_router(code.router)
    return site


async def _guard(request: Request, call_next: RequestResponseEndpoint) -> Response:
    response = await call_next(request)
    targets = getattr(request.state, "form_targets", "'self'")
    response.headers["Content-Security-Policy"] = _POLICY.format(targets=targets)
    response.headers["Referrer-Policy"] = "same-origin"
    response.headers["X-Content-Type-Options"] = "nosniff"
    return response


async def _problem(request: Request, error: Exception) -> HTMLResponse:
    problem = error if isinstance(error, Problem) else not_found()
    async with visit(request) as seen:
        return await seen.page(
            "problem.html", problem.status, problem=problem, back=_page_before(request)
        )


def _page_before(request: Request) -> str:
    """Return the path of the forge's page that a person came from, or nothing."""
    came = urlsplit(request.headers.get("referer", ""))
    # Only the path is taken, so that no link leads elsewhere; "//host" would.
    if came.netloc != request.url.netloc or came.path.startswith("//"):
        return ""
    return came.path if came.path != request.url.path or request.method == "POST" else ""


async def _version(request: Request) -> PlainTextResponse:
    return PlainTextResponse(
        version(request.app.state.forge), headers={"Cache-Control": "no-store"}
    )


async def _deliveries(request: Request) -> HTMLResponse:
    """List the webhooks, the newest first."""
    async with visit(request) as seen:
        rows = await seen.unit.session.scalars(
            select(Delivery).order_by(Delivery.id.desc()).limit(_SHOWN)
        )
        total = await seen.unit.session.scalar(select(func.count(Delivery.id)))
        target = seen.unit.forge.config.webhook_url
        return await seen.page("deliveries.html", rows=list(rows), total=total, target=target)


async def _delivery(request: Request, delivery_id: int) -> HTMLResponse:
    """Show what a webhook said and what came back."""
    async with visit(request) as seen:
        row = await seen.unit.session.get(Delivery, delivery_id)
        if row is None:
            raise not_found()
        return await seen.page("delivery.html", row=row)


async def _static(name: str) -> Response:
    if name not in _TYPES:
        raise not_found()
    return Response((_STATIC / name).read_bytes(), media_type=_TYPES[name])


async def _avatar(login: str) -> Response:
    """Draw an account: its initial on its colour, or the bot's baton."""
    hue = int(hashlib.sha256(login.encode()).hexdigest(), 16) % 360
    if login.endswith("[bot]"):
        face = (
            '<path d="M12 28 27 13" stroke="#fff" stroke-width="4" stroke-linecap="round"/>'
            '<circle cx="28" cy="12" r="4" fill="#ffd33d"/>'
        )
        shape = '<rect width="40" height="40" rx="10" fill="#1f6feb"/>'
    else:
        letter = login[:1].upper() if login[:1].isalnum() else "?"
        face = (
            '<text x="20" y="27" font-family="system-ui,sans-serif" font-size="20" '
            f'font-weight="600" fill="#fff" text-anchor="middle">{letter}</text>'
        )
        shape = f'<rect width="40" height="40" rx="20" fill="hsl({hue} 45% 42%)"/>'
    drawing = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 40 40">{shape}{face}</svg>'
    return Response(drawing, media_type="image/svg+xml")
