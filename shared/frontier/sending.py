"""Sending so that nothing is paid for twice: what may be repeated, how often, what errors mean.

A request is repeated only when the provider certainly did no billable work: it never left this
machine, or it was turned away with one of the statuses for that. Whatever breaks after it was
sent (a time-out, a cut answer, a gateway that gave up) may have been billed and is not repeated.
"""

import asyncio
import contextlib
import email.utils
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import Enum
from typing import NamedTuple, TypeVar
from urllib.parse import urlsplit

import httpx2
import tenacity
from pydantic import SecretStr

from shared.errors import FrontierError, FrontierRefused, FrontierUnavailable, FrontierUnknown

T = TypeVar("T")
Sleep = Callable[[float], Awaitable[None]]
ATTEMPTS = 4  # including the first
FIRST_BACKOFF = 2.0  # seconds; doubled each time
LONGEST_WAIT = 60.0  # a provider that asks for more is not waited for
_CONNECT_SECONDS = 10.0
_LONGEST_REASON = 300
_NEVER_SENT = (
    httpx2.ConnectError,
    httpx2.ConnectTimeout,
    httpx2.PoolTimeout,
    httpx2.ProxyError,
    httpx2.UnsupportedProtocol,
    httpx2.InvalidURL,
)
# What clients raise while they read an answer that is not of the provider's form.
_UNREADABLE = (ValueError, AttributeError, TypeError, KeyError, IndexError)
# Overloads and failures for which the providers say that they bill nothing; 529 is Anthropic's.
_TRY_AGAIN = {429, 500, 503, 529}
_UNAUTHORISED, _PAYMENT, _FORBIDDEN, _NOT_FOUND, _TOO_MANY = 401, 402, 403, 404, 429
_SERVER_ERROR = 500


@dataclass(frozen=True)
class Line:
    """The way to a provider: its name for people, the setting of its key, address and patience."""

    name: str
    setting: str
    key: SecretStr
    url: str
    timeout: float
    sleep: Sleep = asyncio.sleep

    @property
    def host(self) -> str:
        """Name the machine that is asked."""
        return urlsplit(self.url).hostname or self.url

    @asynccontextmanager
    async def client(self) -> AsyncIterator[httpx2.AsyncClient]:
        """Open an HTTP client. It follows no redirect, since the key would go along."""
        patience = httpx2.Timeout(self.timeout, connect=_CONNECT_SECONDS)
        async with httpx2.AsyncClient(timeout=patience, follow_redirects=False) as client:
            yield client


class Fault(Enum):
    """What a provider means beyond its status."""

    KEY = "key"
    BALANCE = "balance"


class Turned(NamedTuple):
    """An answer with an error status: what was said, and the seconds to wait if it tells."""

    status: int
    said: str
    wait: float | None = None
    fault: Fault | None = None


class Dialect(NamedTuple):
    """The errors of a provider's client, and how to read the ones that are answers."""

    errors: tuple[type[Exception], ...]
    turned: Callable[[Exception], Turned | None]


async def send(
    line: Line, dialect: Dialect, once: Callable[[httpx2.AsyncClient], Awaitable[T]]
) -> T:
    """Make a call, and again after a while where nothing was billed.

    Raises FrontierRefused, FrontierUnavailable, FrontierUnknown, and what ``once`` raises itself.
    """
    patiently = tenacity.AsyncRetrying(
        retry=tenacity.retry_if_exception(_is_worth_waiting),
        wait=_wait,
        stop=tenacity.stop_after_attempt(ATTEMPTS),
        sleep=line.sleep,
        reraise=True,
    )
    async with line.client() as client:
        return await patiently(_try, line, dialect, lambda: once(client))


async def _try(line: Line, dialect: Dialect, once: Callable[[], Awaitable[T]]) -> T:
    failures: tuple[type[Exception], ...] = (
        httpx2.HTTPError,
        httpx2.InvalidURL,
        *dialect.errors,
        *_UNREADABLE,
    )
    try:
        async with asyncio.timeout(line.timeout):
            return await once()
    except TimeoutError:
        raise FrontierUnknown(
            f"{line.name} did not answer within {line.timeout:g} seconds; the call may have been "
            "billed. To wait longer, raise timeout in [frontier] of the profile."
        ) from None
    except failures as error:
        # The client's error holds the request with its key; ours says all there is to say.
        raise _meaning(line, error, dialect.turned(error)) from None


def _is_worth_waiting(error: BaseException) -> bool:
    return isinstance(error, FrontierUnavailable) and (error.wait or 0) <= LONGEST_WAIT


def _wait(state: tenacity.RetryCallState) -> float:
    error = state.outcome.exception() if state.outcome else None
    asked = error.wait if isinstance(error, FrontierUnavailable) else None
    return float(FIRST_BACKOFF * 2 ** (state.attempt_number - 1)) if asked is None else asked


def _meaning(line: Line, error: Exception, turned: Turned | None) -> FrontierError:
    if turned is not None:
        return _answered(line, turned._replace(said=_quotable(line, turned.said)))
    if _was_never_sent(error):
        return FrontierUnavailable(
            f"{line.host} cannot be reached; nothing was sent to {line.name}. "
            "Check the network, and url in [frontier] of the profile."
        )
    if isinstance(error, _UNREADABLE):
        return FrontierUnknown(
            f"{line.name} sent an answer that cannot be read ({type(error).__name__}); the "
            "call may have been billed. "
            "Check url in [frontier] of the profile."
        )
    return FrontierUnknown(
        f"The connection to {line.name} broke off after the request was sent; "
        "the call may have been billed. To ask again takes a new yes."
    )


def _answered(line: Line, turned: Turned) -> FrontierError:
    told = f"{turned.said} (HTTP {turned.status})"
    if turned.fault is Fault.KEY or turned.status in {_UNAUTHORISED, _FORBIDDEN}:
        return FrontierRefused(
            f"{line.name} turned the key away: {told}. Set {line.setting} to a valid key."
        )
    if turned.fault is Fault.BALANCE or turned.status == _PAYMENT:
        return FrontierRefused(
            f"The account at {line.name} is used up: {told}. Raise its quota or its balance."
        )
    if turned.status in _TRY_AGAIN:
        what = "limits the rate" if turned.status == _TOO_MANY else "is overloaded or failing"
        after = f"in {turned.wait:.0f} seconds" if turned.wait else "later"
        return FrontierUnavailable(f"{line.name} {what}: {told}. Try again {after}.", turned.wait)
    if turned.status >= _SERVER_ERROR:
        return FrontierUnknown(
            f"A gateway before {line.name} gave up: {told}. The call may have been billed; "
            "to ask again takes a new yes."
        )
    where = "model" if turned.status == _NOT_FOUND else "model and limits"
    return FrontierRefused(
        f"{line.name} refused the request: {told}. Check {where} in [frontier] of the profile."
    )


def _quotable(line: Line, said: str) -> str:
    quiet = " ".join(said.split()).replace(line.key.get_secret_value(), "***")
    return quiet[:_LONGEST_REASON].rstrip(". ") or "no reason given"


def _was_never_sent(error: BaseException | None) -> bool:
    while error is not None:  # some clients wrap the error of the connection
        if isinstance(error, _NEVER_SENT):
            return True
        error = error.__cause__
    return False


def retry_after(headers: httpx2.Headers, now: Callable[[], datetime] | None = None) -> float | None:
    """Read a Retry-After header, seconds or a date, as seconds from now."""
    told = headers.get("retry-after", "")
    with contextlib.suppress(ValueError):
        return max(0.0, float(told))
    with contextlib.suppress(ValueError, TypeError):
        moment = email.utils.parsedate_to_datetime(told)
        present = now() if now else datetime.now(UTC)
        return max(0.0, (moment - present).total_seconds())
    return None
