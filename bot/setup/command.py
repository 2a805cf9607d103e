"""The conversation of ``baton setup``, in the terminal and in the browser."""

import asyncio
import contextlib
import webbrowser
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

from rich.console import Console

from bot.serving import listen, serve
from bot.setup.keeping import keep
from bot.setup.manifest import Registered, hook_url, manifest
from bot.setup.page import Setup, create_page, wait_for_ping
from bot.tunnel import forward_forever, new_channel
from shared.domain import Value
from shared.errors import BatonError, ConfigurationError
from shared.github import GitHub, GitHubUrls, HookDelivery
from webhooks.routes import PATH

_PING_SECONDS = 45.0
_AN_HOUR = timedelta(hours=1)


class Wishes(Value):
    """What the person who sets Baton up has said."""

    name: str
    urls: GitHubUrls
    env_file: Path
    public_url: str = ""
    channel: str = ""
    organization: str = ""
    port: int = 8420
    browser: bool = True
    ping_seconds: float = _PING_SECONDS


async def set_up(wishes: Wishes, console: Console) -> int:
    """Register the App, keep its secrets, see a ping arrive; return the exit code.

    Raises BatonError when the App could not be registered.
    """
    channel = wishes.channel
    if not channel and not wishes.public_url:
        channel = await new_channel()
    listener = listen(wishes.port)
    hook = channel or hook_url(wishes.public_url)
    filled = manifest(wishes.name, hook, listener.url)

    def keep_it(app: Registered) -> None:
        keep(app, wishes.urls, wishes.env_file, channel)

    setup = Setup(wishes.urls, filled, keep_it, wishes.organization)
    async with serve(create_page(setup), listener) as url:
        _say(console, f"Open {url} in a browser on this machine, and create the App there.")
        if wishes.browser:
            await asyncio.to_thread(webbrowser.open, url)
        app = await setup.registered
        _say(console, f"✔ {app.slug} (App {app.id}) exists; its secrets are in {wishes.env_file}.")
        async with contextlib.AsyncExitStack() as stack:
            if channel:
                door = url + PATH
                tunnel = asyncio.create_task(forward_forever(channel, door, app.webhook_secret))
                stack.callback(tunnel.cancel)
            arrived = await _try_webhook(setup, app, wishes.ping_seconds)
    for line in _ending(app, wishes, hook, arrived=arrived):
        _say(console, line)
    return 0 if arrived else 1


async def _try_webhook(setup: Setup, app: Registered, seconds: float) -> bool:
    github = GitHub.as_app(app.id, app.pem, setup.urls)

    asked: set[int] = set()

    async def ask_again() -> None:
        with contextlib.suppress(BatonError):
            for ping in _newest_ping(await github.deliveries(_recent()) or ()):
                if ping.id not in asked:
                    asked.add(ping.id)
                    await github.redeliver(ping.id)

    try:
        return await wait_for_ping(setup, ask_again, seconds)
    finally:
        await github.aclose()


def _newest_ping(deliveries: Sequence[HookDelivery]) -> Sequence[HookDelivery]:
    """Return the last try, whatever came of it: smee says 200 also where nobody listens."""
    return [one for one in deliveries if one.event == "ping"][:1]


def _recent() -> datetime:
    return datetime.now(UTC) - _AN_HOUR


def _ending(app: Registered, wishes: Wishes, hook: str, *, arrived: bool) -> Sequence[str]:
    env = f"--env-file {wishes.env_file}"
    following = (
        f"Install it on repositories: {app.html_url}/installations/new",
        f"Then: baton doctor {env}, and: baton serve {env}",
    )
    if arrived:
        return ("✔ GitHub's ping has arrived, signed with the new secret.", *following)
    missing = (
        f"✘ No ping came to {hook} within {wishes.ping_seconds:.0f} s. The App and its "
        "secrets are kept. See whether the tunnel runs and leads to this port "
        f"({wishes.port}), then press Redeliver at {app.html_url}, Advanced."
    )
    return (missing, *following)


def check_env_file(env_file: Path) -> None:
    """Refuse to replace an App that is set up already. Raises ConfigurationError."""
    if env_file.exists() and "BATON_APP_ID" in env_file.read_text("utf-8", "replace"):
        raise ConfigurationError(
            f"{env_file} has an App already. Name another file with --env-file, or take "
            "BATON_APP_ID out of it to register a new one."
        )


def _say(console: Console, text: str) -> None:
    console.print(text, soft_wrap=True, markup=False, highlight=False)
