"""GitHub's rate limits: so many requests an hour, so many writes a minute and an hour."""

from collections import defaultdict, deque
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from bot.demo.forge.config import RateLimits
from bot.demo.forge.problems import Problem

_MINUTE, _HOUR = timedelta(minutes=1), timedelta(hours=1)


@dataclass
class Window:
    """The hour that a caller is in."""

    started: datetime
    used: int = 0

    @property
    def reset(self) -> int:
        """Return when the next hour begins. Seconds since 1970."""
        return int((self.started + _HOUR).timestamp())


@dataclass
class Limiter:
    """Counts the requests of each caller, in memory."""

    limits: RateLimits
    now: Callable[[], datetime]
    windows: dict[str, Window] = field(default_factory=dict)
    writes: defaultdict[str, deque[datetime]] = field(default_factory=lambda: defaultdict(deque))

    def window(self, caller: str) -> Window:
        """Return the caller's present hour."""
        window = self.windows.get(caller)
        if window is None or self.now() >= window.started + _HOUR:
            window = self.windows[caller] = Window(self.now())
        return window

    def count(self, caller: str) -> None:
        """Count a request. Raises Problem 403 when the hour is used up."""
        window = self.window(caller)
        if window.used >= self.limits.requests_per_hour:
            raise Problem(
                403,
                f"API rate limit exceeded for {caller}.",
                headers=self.headers(caller),
            )
        window.used += 1

    def count_write(self, caller: str) -> None:
        """Count the creation of content. Raises Problem 403 with ``Retry-After``."""
        now, past = self.now(), self.writes[caller]
        while past and past[0] <= now - _HOUR:
            past.popleft()
        last_minute = [moment for moment in past if moment > now - _MINUTE]
        if len(last_minute) >= self.limits.writes_per_minute:
            raise _slow_down(last_minute[0] + _MINUTE - now)
        if len(past) >= self.limits.writes_per_hour:
            raise _slow_down(past[0] + _HOUR - now)
        past.append(now)

    def headers(self, caller: str) -> dict[str, str]:
        """Return the headers that tell a caller where it stands."""
        window, limit = self.window(caller), self.limits.requests_per_hour
        return {
            "x-ratelimit-limit": str(limit),
            "x-ratelimit-remaining": str(limit - window.used),
            "x-ratelimit-reset": str(window.reset),
            "x-ratelimit-used": str(window.used),
            "x-ratelimit-resource": "core",
        }

    def overview(self, caller: str) -> dict[str, int]:
        """Return what ``GET /rate_limit`` tells."""
        window, limit = self.window(caller), self.limits.requests_per_hour
        return {
            "limit": limit,
            "used": window.used,
            "remaining": limit - window.used,
            "reset": window.reset,
        }


def _slow_down(wait: timedelta) -> Problem:
    return Problem(
        403,
        "You have exceeded a secondary rate limit and have been temporarily blocked from "
        "content creation. Please retry your request again later.",
        headers={"retry-after": str(max(1, int(wait.total_seconds())))},
    )
