"""What the gateway looks after every few seconds, beside the workflows."""

import asyncio
import logging

from bot import resume, status
from shared.errors import BatonError

log = logging.getLogger(__name__)


async def forever(seconds: float) -> None:
    """Keep status comments up to date, and start what was put in by hand."""
    while True:
        try:
            await resume.start_resumed()
            await status.refresh()
        except BatonError as error:
            log.warning("%s", error)
        await asyncio.sleep(seconds)
