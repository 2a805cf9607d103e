"""One authenticated line to GitHub: sends, retries within bounds, validates the answers."""

import logging
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, nullcontext
from typing import TypeVar
from urllib.parse import quote

import httpx
from githubkit import Response
from githubkit.auth import BaseAuthStrategy, UnauthAuthStrategy
from githubkit.cache import MemCacheStrategy
from githubkit.core import GitHubCore
from githubkit.exception import GitHubException
from pydantic import BaseModel, ValidationError
from pydantic_core import from_json

from shared.errors import GitHubUnavailable, NotFound, Refused
from shared.github.failures import scrub, to_error
from shared.github.outgoing import examined
from shared.github.pace import Pace, Turnstile
from shared.github.retry import rate_limit, wait_before_retry
from shared.github.urls import GitHubUrls

_log = logging.getLogger(__name__)

M = TypeVar("M", bound=BaseModel)
Json = Mapping[str, object]

PAGE = 100  # items a page, GitHub's most
_SAFE_TO_REPEAT = {"GET", "PUT", "PATCH", "DELETE"}


def path(*segments: str | int) -> str:
    """Join path segments, each quoted, so that no name can leave its place.

    Raises ValueError for a segment that would name another place.
    """
    if not {"", ".", ".."}.isdisjoint(segments):
        raise ValueError(f"{segments} cannot be a path at GitHub")
    return "/" + "/".join(quote(str(segment), safe="") for segment in segments)


class _Core(GitHubCore[BaseAuthStrategy]):
    """githubkit with one connection pool for its whole life.

    As it comes it opens a new pool, and does a new TLS handshake, for every request.
    """

    _pool: httpx.AsyncClient | None = None

    @asynccontextmanager
    async def get_async_client(self) -> AsyncIterator[httpx.AsyncClient]:
        if self._pool is None:
            self._pool = await self._create_async_client()
        yield self._pool

    async def aclose(self) -> None:
        pool, self._pool = self._pool, None
        if pool is not None:
            await pool.aclose()


class Client:
    """Requests with one kind of credentials; everything above it speaks in values."""

    def __init__(
        self, auth: BaseAuthStrategy | None, urls: GitHubUrls, pace: Pace, turnstile: Turnstile
    ) -> None:
        self.urls = urls
        self.pace = pace
        self._turnstile = turnstile
        # No http_cache, since with it the timeout is dropped; no auto_retry, since it would
        # repeat creating requests and sleep without bound; an own cache of App tokens, since the
        # common one mixes up two servers that use the same App id.
        self._core = _Core(
            auth or UnauthAuthStrategy(),
            base_url=urls.api,
            user_agent="baton-bot",
            timeout=pace.timeout,
            trust_env=not urls.is_loopback,
            cache_strategy=MemCacheStrategy(),
            http_cache=False,
            auto_retry=False,
        )

    async def aclose(self) -> None:
        """Close the connections."""
        await self._core.aclose()

    async def get(self, url: str, model: type[M], **params: str | int) -> M:
        """Read one value. Raises NotFound, Refused or GitHubUnavailable, as all methods do."""
        return parse(await self.send("GET", url, params=params), model)

    async def find(self, url: str, model: type[M], **params: str | int) -> M | None:
        """Read one value, or return None when there is none."""
        try:
            return await self.get(url, model, **params)
        except NotFound:
            return None

    async def pages(self, url: str, model: type[M], **params: str | int) -> AsyncIterator[M]:
        """Read a list, page by page."""
        number = 0
        full = True
        while full:
            number += 1
            response = await self.send(
                "GET", url, params={**params, "per_page": PAGE, "page": number}
            )
            items = _items(response)
            full = len(items) == PAGE
            for item in items:
                yield _validated(item, model, response)

    async def linked(self, url: str, model: type[M], **params: str | int) -> AsyncIterator[M]:
        """Read a list that is paged by a cursor, which each page has for the next."""
        cursor: Mapping[str, str] = {}
        while True:
            query = {**params, "per_page": PAGE, **cursor}
            response = await self.send("GET", url, params=query)
            for item in _items(response):
                yield _validated(item, model, response)
            following = response.raw_response.links.get("next", {}).get("url", "")
            # Only the cursor is taken: an address could lead the credentials elsewhere.
            cursor = {"cursor": httpx.URL(following).params.get("cursor", "")}
            if not cursor["cursor"]:
                return

    async def write(self, method: str, url: str, body: Json, model: type[M]) -> M:
        """Write, and read what GitHub made of it."""
        return parse(await self.send(method, url, body=body), model)

    async def graphql(self, query: str, variables: Json) -> None:
        """Send a mutation that may be repeated.

        Raises Refused with GitHub's words when it has errors.
        """
        body = {"query": query, "variables": dict(variables)}
        response = await self.send("POST", self.urls.graphql, body=body, repeatable=True)
        answer = json_of(response)
        errors = answer.get("errors") if isinstance(answer, dict) else None
        if errors:
            words = "; ".join(str(e.get("message")) for e in errors if isinstance(e, dict))
            raise Refused(f"GitHub refuses the GraphQL mutation: {scrub(words)}.")

    async def send(
        self,
        method: str,
        url: str,
        *,
        body: Json | None = None,
        params: Mapping[str, str | int] | None = None,
        repeatable: bool | None = None,
        spaced: bool = True,
    ) -> Response[object]:
        """Send one request; writes wait for their turn unless ``spaced`` is False.

        ``repeatable`` says that sending it twice does no harm; by default all but POST are.
        Every text in ``body`` is examined first; Refused when one may not leave.
        """
        if body is not None:
            body = examined(url, body, self.urls.host)
        again = method in _SAFE_TO_REPEAT if repeatable is None else repeatable
        turn = self._turnstile.turn() if spaced and method != "GET" else nullcontext()
        async with turn:
            return await self._send_patiently(method, url, body, params, again=again)

    async def _send_patiently(
        self,
        method: str,
        url: str,
        body: Json | None,
        params: Mapping[str, str | int] | None,
        *,
        again: bool,
    ) -> Response[object]:
        request, attempt, waited = f"{method} {url}", 0, 0.0
        while True:
            attempt += 1
            try:
                return await self._core.arequest(
                    method, url, json=None if body is None else dict(body), params=params
                )
            except ValueError:
                # githubkit reads Retry-After as a number only; a proxy may send a date.
                raise GitHubUnavailable(
                    f"GitHub, or a proxy, limits the rate of {request} without a number of "
                    "seconds. Retry the run later."
                ) from None
            except GitHubException as error:
                wait = wait_before_retry(error, attempt, repeatable=again)
                if wait is None or waited + wait > self.pace.longest_wait:
                    raise to_error(error, request) from None
                why = "limits the rate" if rate_limit(error) is not None else "failed"
                waited += wait
                _log.warning("GitHub %s: %s again in %.0f s", why, request, wait)
            await self.pace.sleep(wait)


def parse(response: Response[object], model: type[M]) -> M:
    """Validate an answer. Raises GitHubUnavailable naming the field."""
    try:
        return model.model_validate_json(response.content)
    except ValidationError as error:
        raise _unreadable(response, error) from None


def json_of(response: Response[object]) -> object:
    """Parse an answer of no fixed form. Raises GitHubUnavailable when it is not JSON."""
    try:
        return from_json(response.content)
    except ValueError:
        raise _unreadable(response, None) from None


def _items(response: Response[object]) -> list[object]:
    items = json_of(response)
    if isinstance(items, dict):  # check runs come with their count around them
        items = next((value for value in items.values() if isinstance(value, list)), None)
    if not isinstance(items, list):
        raise _unreadable(response, None)
    return items


def _validated(item: object, model: type[M], response: Response[object]) -> M:
    try:
        return model.model_validate(item)
    except ValidationError as error:
        raise _unreadable(response, error) from None


def _unreadable(response: Response[object], error: ValidationError | None) -> GitHubUnavailable:
    first = error.errors(include_input=False, include_url=False)[0] if error else None
    where = f" at the field `{'.'.join(map(str, first['loc']))}`" if first else ""
    return GitHubUnavailable(
        f"GitHub's answer to {response.raw_request.method} {response.url.path} cannot be read"
        f"{where}. Check BATON_GITHUB_API_URL and any proxy in between."
    )
