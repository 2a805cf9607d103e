"""When a request may be sent again, and how long to wait before; pure decisions.

A request that creates something is repeated only when GitHub certainly did not act on it:
it never left this machine, or it was turned away by a rate limit.
"""

import httpx
from githubkit.exception import GitHubException, RateLimitExceeded, RequestError, RequestFailed

ATTEMPTS = 4  # including the first
FIRST_BACKOFF = 1.0  # seconds; doubled each time
# GitHub asks for a minute when it limits without saying for how long:
# https://docs.github.com/en/rest/using-the-rest-api/rate-limits-for-the-rest-api
UNTOLD_LIMIT = 60.0

_FORBIDDEN, _TOO_MANY, _SERVER_ERROR = 403, 429, 500
_NEVER_SENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout)


def wait_before_retry(error: GitHubException, attempt: int, *, repeatable: bool) -> float | None:
    """Return the seconds to wait before the next attempt, or None to give up.

    ``attempt`` counts from 1; ``repeatable`` says that sending twice does no harm.
    """
    if attempt >= ATTEMPTS:
        return None
    limited = rate_limit(error)
    if limited is not None:
        return limited
    if _was_never_sent(error) or (repeatable and is_transient(error)):
        return float(FIRST_BACKOFF * 2 ** (attempt - 1))
    return None


def rate_limit(error: GitHubException) -> float | None:
    """Return for how many seconds a rate limit shuts Baton out, or None when it is no limit."""
    if isinstance(error, RateLimitExceeded):
        return max(error.retry_after.total_seconds(), FIRST_BACKOFF)
    if not isinstance(error, RequestFailed):
        return None
    status = error.response.status_code
    secondary = status == _FORBIDDEN and "secondary rate limit" in error.response.text.lower()
    return UNTOLD_LIMIT if status == _TOO_MANY or secondary else None


def is_transient(error: GitHubException) -> bool:
    """Tell whether GitHub, or the way to it, failed in a manner that may pass."""
    if isinstance(error, RequestFailed):
        return error.response.status_code >= _SERVER_ERROR
    return isinstance(error, RequestError) and isinstance(error.exc, httpx.TransportError)


def _was_never_sent(error: GitHubException) -> bool:
    return isinstance(error, RequestError) and isinstance(error.exc, _NEVER_SENT)
