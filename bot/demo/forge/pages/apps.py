"""Register a GitHub App from a manifest that another page sends."""

from typing import Annotated
from urllib.parse import urlencode, urlsplit

from fastapi import APIRouter, Form, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from bot.demo.forge.pages.visit import visit
from bot.demo.forge.registering import Registrar, read

asking = APIRouter()
"""Whoever brings a manifest; nothing is made of it yet."""
agreeing = APIRouter()
"""The click of the signed-in person, from the forge's own page only."""


@asking.post("/settings/apps/new")
async def show_new_app(
    request: Request, manifest: Annotated[str, Form()], state: str = ""
) -> HTMLResponse:
    """Ask the signed-in person whether to create the App."""
    wanted = read(manifest)
    back = urlsplit(wanted.redirect_url)
    # The answer to the form leads there, which browsers count among a form's targets.
    request.state.form_targets = f"'self' {back.scheme}://{back.netloc}"
    async with visit(request) as seen:
        return await seen.page("new_app.html", wanted=wanted, manifest=manifest, state=state)


@agreeing.post("/settings/apps")
async def create_app(
    request: Request,
    manifest: Annotated[str, Form()],
    name: Annotated[str, Form()],
    state: Annotated[str, Form()] = "",
) -> Response:
    """Send the person back to where the manifest came from, with the code for it."""
    wanted = read(manifest).model_copy(update={"name": name})
    registrar: Registrar = request.app.state.registrar
    code = registrar.agree(wanted, request.app.state.forge.now())
    query = urlencode({"code": code} | ({"state": state} if state else {}))
    joint = "&" if urlsplit(wanted.redirect_url).query else "?"
    return RedirectResponse(f"{wanted.redirect_url}{joint}{query}", 302)
