"""How deliveries reach the gateway when GitHub's own request does not: tunnel and recovery."""

import asyncio

from bot import deliveries
from bot.recovery import Recovery, recover_forever
from bot.services import Services
from bot.tunnel import forward_forever
from webhooks.routes import PATH

_EVERYWHERE = {"0.0.0.0", "::"}  # noqa: S104  compared with, not bound


async def keep_arriving(services: Services) -> None:
    """Take deliveries out of the tunnel, if there is one, and look for missed ones; never ends."""
    settings = services.settings
    recovery = Recovery(
        services.github,
        services.store,
        deliveries.accept,
        services.places.home / "recovery.json",
    )
    async with asyncio.TaskGroup() as group:
        group.create_task(recover_forever(recovery))
        if settings.smee_url is not None:
            host = "127.0.0.1" if settings.host in _EVERYWHERE else settings.host
            door = f"http://{host}:{settings.port}{PATH}"
            secret = settings.require_webhook_secret()
            group.create_task(forward_forever(settings.smee_url, door, secret))
