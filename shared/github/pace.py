"""How patient Baton is with GitHub, and how gently it writes."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass

Sleep = Callable[[float], Awaitable[None]]


@dataclass(frozen=True)
class Pace:
    """Times in seconds. GitHub asks for at least one second between writes."""

    timeout: float = 30.0
    write_spacing: float = 1.0
    longest_wait: float = 120.0  # for one request, all its rate limits together
    sleep: Sleep = asyncio.sleep


class Turnstile:
    """Lets one write through at a time, spaced from the end of the one before."""

    def __init__(self, pace: Pace) -> None:
        self._pace = pace
        self._lock = asyncio.Lock()
        self._open_at = 0.0

    @asynccontextmanager
    async def turn(self) -> AsyncIterator[None]:
        """Hold the turn for one write."""
        clock = asyncio.get_running_loop().time
        async with self._lock:
            wait = self._open_at - clock()
            if wait > 0:
                await self._pace.sleep(wait)
            try:
                yield
            finally:
                self._open_at = clock() + self._pace.write_spacing
