"""The page on this machine that sends a person to GitHub with the manifest, and takes them back."""

import asyncio
import hmac
import secrets
from collections.abc import Awaitable, Callable, Mapping
from html import escape

from fastapi import FastAPI, Request
from fastapi.responses import HTMLResponse
from starlette.middleware.base import RequestResponseEndpoint
from starlette.responses import PlainTextResponse, Response

from bot.setup.manifest import CALLBACK, Registered, as_text, exchange, form_url
from shared.errors import BatonError
from shared.github import GitHubUrls
from webhooks.delivery import Accepted, Delivery
from webhooks.routes import PATH, create_router

Keep = Callable[[Registered], None]

_OWN_NAMES = ("127.0.0.1", "localhost")
_SHELL = """<!doctype html><html lang="en"><meta charset="utf-8"><title>Baton: setup</title>
<meta name="viewport" content="width=device-width, initial-scale=1">
<style>body{{font:16px/1.5 system-ui,sans-serif;max-width:38rem;margin:4rem auto;padding:0 1rem}}
button,a.button{{font:inherit;padding:.5rem 1rem;border:0;border-radius:6px;background:#1f6feb;
color:#fff;text-decoration:none;cursor:pointer}}</style>
<h1>Baton: setup</h1>{content}</html>"""


class Setup:
    """One registration under way: the state that only this browser was given, and its outcome."""

    def __init__(
        self, urls: GitHubUrls, manifest: Mapping[str, object], keep: Keep, organization: str = ""
    ) -> None:
        self.urls, self.manifest, self.organization = urls, manifest, organization
        self.state = secrets.token_urlsafe(32)
        self.registered: asyncio.Future[Registered] = asyncio.get_running_loop().create_future()
        self.pinged = asyncio.Event()
        self._keep = keep
        self._lock = asyncio.Lock()

    async def finish(self, code: str, state: str) -> Registered:
        """Fetch the App and keep its secrets, once.

        Raises BatonError for a state that is not this setup's, and what exchange and keep raise.
        """
        if not hmac.compare_digest(state.encode(), self.state.encode()):
            raise BatonError(
                "This answer does not belong to this setup: another page has sent it, or the "
                "setup was started again. Begin at the address in the terminal."
            )
        async with self._lock:
            if not self.registered.done():
                app = await exchange(self.urls, code)
                await asyncio.to_thread(self._keep, app)
                self.registered.set_result(app)
            return self.registered.result()

    async def accept(self, delivery: Delivery) -> Accepted:
        """Take the ping. Anything else is not acknowledged: the gateway will ask for it again."""
        if delivery.name != "ping":
            raise BatonError("The setup stores no deliveries.")
        self.pinged.set()
        return Accepted.NEW


def create_page(setup: Setup) -> FastAPI:
    """Make the page, and the door for the ping once the webhook's secret is known."""
    app = FastAPI(title="Baton setup", docs_url=None, redoc_url=None, openapi_url=None)
    app.middleware("http")(_for_this_machine)

    @app.get("/")
    async def begin() -> HTMLResponse:
        return _page(_begin(setup))

    @app.get(CALLBACK)
    async def come_back(code: str = "", state: str = "") -> HTMLResponse:
        first = not setup.registered.done()
        try:
            registered = await setup.finish(code, state)
        except BatonError as error:
            return _page(f'<p>{escape(str(error))}</p><p><a href="/">Begin again</a></p>', 400)
        if first:
            app.include_router(create_router(registered.webhook_secret, setup.accept))
        return _page(_done(registered))

    return app


async def wait_for_ping(
    setup: Setup, look: Callable[[], Awaitable[None]], seconds: float, pause: float = 1.0
) -> bool:
    """Wait until GitHub's ping has arrived, asking for it with ``look``; tell whether it has.

    GitHub sent the first one before anybody here knew the secret.
    """
    try:
        async with asyncio.timeout(seconds):
            while not setup.pinged.is_set():
                await look()
                await _pause(setup.pinged, pause)
    except TimeoutError:
        return False
    return True


async def _pause(event: asyncio.Event, seconds: float) -> None:
    waiting = asyncio.create_task(event.wait())
    await asyncio.wait({waiting}, timeout=seconds)
    waiting.cancel()


async def _for_this_machine(request: Request, call_next: RequestResponseEndpoint) -> Response:
    """Show the page to this machine's own browser; a tunnel leads strangers to the door alone."""
    if request.url.path != PATH and request.url.hostname not in _OWN_NAMES:
        return PlainTextResponse("Not here.", 404)
    response = await call_next(request)
    response.headers["Cache-Control"] = "no-store"
    response.headers["Referrer-Policy"] = "no-referrer"  # the address of the way back has the code
    response.headers["X-Frame-Options"] = "DENY"
    return response


def _page(content: str, status: int = 200) -> HTMLResponse:
    return HTMLResponse(_SHELL.format(content=content), status)


def _begin(setup: Setup) -> str:
    target = escape(form_url(setup.urls, setup.state, setup.organization))
    hook = setup.manifest["hook_attributes"]
    address = hook["url"] if isinstance(hook, dict) else ""
    return (
        f"<p>GitHub will show what the App <b>{escape(str(setup.manifest['name']))}</b> may do and "
        f"hear, and ask you to create it. Its deliveries go to <code>{escape(str(address))}</code>."
        f'</p><form method="post" action="{target}"><input type="hidden" name="manifest" '
        f'value="{escape(as_text(setup.manifest))}">'
        "<button>Create the App on GitHub</button></form>"
    )


def _done(app: Registered) -> str:
    place = escape(f"{app.html_url}/installations/new")
    return (
        f"<p>The App <b>{escape(app.slug)}</b> exists, and its secrets are on this machine. "
        "Install it on the repositories that Baton shall work on, then go back to the terminal."
        f'</p><p><a class="button" href="{place}">Install it</a></p>'
    )
