"""What the gateway looks after every few seconds, beside the workflows."""

import asyncio
import logging
import time

from bot import resume, status, stranded
from shared.errors import BatonError

log = logging.getLogger(__name__)


async def forever(seconds: float) -> None:
    """Keep status comments up to date, start what was put in by hand, end what is stranded."""
    looked = -stranded.EVERY
    while True:
        try:
            await resume.start_resumed()
            if time.monotonic() - looked >= stranded.EVERY:  # those above are not stranded now
                looked = time.monotonic()
                await stranded.look()
            await status.refresh()
        except BatonError as error:
            log.warning("%s", error)
        except Exception:
            log.exception("The upkeep failed")
        await asyncio.sleep(seconds)
