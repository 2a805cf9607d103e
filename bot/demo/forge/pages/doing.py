"""What the forms of the pages do: the signed-in person calls the API with their own token."""

from typing import Annotated, Literal
from urllib.parse import urlsplit

import httpx
from fastapi import APIRouter, Form, Request
from fastapi.responses import RedirectResponse, Response
from pydantic import BaseModel

from bot.demo.forge.actors import NOBODY
from bot.demo.forge.core import Forge, Json
from bot.demo.forge.problems import Problem
from bot.demo.forge.rest.apps import again, find_delivery

router = APIRouter()
Text = Annotated[str, Form()]


class CommentForm(BaseModel):
    """The form under a conversation."""

    body: str = ""
    do: str = "comment"


class ReviewForm(BaseModel):
    """The form under a diff, or under one of its lines."""

    event: str = "COMMENT"
    body: str = ""
    at: str = ""
    remark: str = ""


async def call(request: Request, method: str, path: str, body: Json) -> Json:
    """Call the API as the signed-in person. Raises Problem with what it answered."""
    forge: Forge = request.app.state.forge
    person = next(one for one in forge.config.people if one.login == forge.config.signed_in)
    if person.token is None:
        raise Problem(403, f"{person.login} has no token; the forge's configuration gives one.")
    headers = {"Authorization": f"Bearer {person.token.get_secret_value()}"}
    transport = httpx.ASGITransport(request.app.state.api)
    async with httpx.AsyncClient(transport=transport, base_url="http://forge") as client:
        answer = await client.request(method, path, json=body, headers=headers)
    given: Json = answer.json()
    if answer.is_success:
        return given
    details = [
        error
        if isinstance(error, str)
        else error.get("message") or f"{error.get('field')}: {error.get('code')}"
        for error in given.get("errors", ())
    ]
    raise Problem(answer.status_code, "; ".join([given["message"], *details]))


def back(path: str) -> Response:
    """Show a page after a form."""
    return RedirectResponse(path, 303)


@router.post("/{owner}/{repo}/issues/new")
async def open_issue(
    request: Request, owner: str, repo: str, title: Text, body: Text = ""
) -> Response:
    """Open an issue."""
    made = await call(
        request, "POST", f"/repos/{owner}/{repo}/issues", {"title": title, "body": body}
    )
    return back(f"/{owner}/{repo}/issues/{made['number']}")


@router.post("/{owner}/{repo}/{kind}/{number}/comment")
async def comment(
    request: Request,
    owner: str,
    repo: str,
    kind: Literal["issues", "pull"],
    number: int,
    form: Annotated[CommentForm, Form()],
) -> Response:
    """Comment, close or reopen; a quick button's command comes as ``do``."""
    path = f"/repos/{owner}/{repo}/issues/{number}"
    said = form.do if form.do.startswith("/") else form.body.strip()
    if said:
        await call(request, "POST", f"{path}/comments", {"body": said})
    if form.do in {"closed", "open"}:
        await call(request, "PATCH", path, {"state": form.do})
    elif not said:
        raise Problem(422, "A comment needs a text. Go back and write one.")
    return back(f"/{owner}/{repo}/{kind}/{number}#end")


@router.post("/{owner}/{repo}/issues/{number}/react")
async def react(
    request: Request, owner: str, repo: str, number: int, content: Text, comment_id: Text = ""
) -> Response:
    """React to an issue or to one of its comments."""
    subject = f"issues/comments/{comment_id}" if comment_id else f"issues/{number}"
    path = f"/repos/{owner}/{repo}/{subject}/reactions"
    await call(request, "POST", path, {"content": content})
    return back(f"/{owner}/{repo}/issues/{number}")


@router.post("/{owner}/{repo}/pull/{number}/review")
async def review(
    request: Request, owner: str, repo: str, number: int, form: Annotated[ReviewForm, Form()]
) -> Response:
    """Review a pull request, with a remark on the line ``path:side:line`` if there is one."""
    wanted: Json = {"event": form.event, "body": form.body}
    if form.remark.strip():
        path, side, line = form.at.rsplit(":", 2)
        spot = {"path": path, "side": side, "line": int(line)}
        wanted["comments"] = [spot | {"body": form.remark}]
    await call(request, "POST", f"/repos/{owner}/{repo}/pulls/{number}/reviews", wanted)
    return back(f"/{owner}/{repo}/pull/{number}#end")


@router.post("/{owner}/{repo}/pull/{number}/merge")
async def merge(request: Request, owner: str, repo: str, number: int) -> Response:
    """Merge a pull request."""
    await call(request, "PUT", f"/repos/{owner}/{repo}/pulls/{number}/merge", {})
    return back(f"/{owner}/{repo}/pull/{number}#end")


@router.post("/-/deliveries/{delivery_id}/redeliver")
async def redeliver(request: Request, delivery_id: int) -> Response:
    """Send a webhook once more."""
    forge: Forge = request.app.state.forge
    async with forge.writing(NOBODY) as unit:
        again(unit, await find_delivery(unit, delivery_id))
        await unit.session.flush()
    return back("/-/deliveries")


def require_same_origin(request: Request) -> None:
    """Refuse a form that another site has sent. Raises Problem 403."""
    own = urlsplit(request.app.state.forge.config.url)
    origin = request.headers.get("origin")
    if origin is None:
        same = request.headers.get("sec-fetch-site") == "same-origin"
    else:
        given = urlsplit(origin)
        hosts = {own.hostname, "localhost", "127.0.0.1"}
        same = given.hostname in hosts and given.port == own.port
    if not same:
        raise Problem(403, "This form was sent from another site. Use the forge's own pages.")
