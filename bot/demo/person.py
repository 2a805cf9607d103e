"""A person at the forge, acting through its REST API, and an eye on the gateway."""

import contextlib
from collections.abc import AsyncIterator
from types import TracebackType
from typing import Any, Self

import httpx
from pydantic import SecretStr, TypeAdapter

from bot.demo.story import PersonReview
from bot.views import RunView
from shared.domain import RepoRef
from shared.errors import GitHubUnavailable
from shared.scheduler import NodeStatus

_RUNS: TypeAdapter[list[RunView]] = TypeAdapter(list[RunView])
_NODES: TypeAdapter[list[NodeStatus]] = TypeAdapter(list[NodeStatus])


class PersonClient:
    """Somebody with a token of his own."""

    def __init__(self, client: httpx.AsyncClient, ref: RepoRef, login: str) -> None:
        self._client = client
        self._ref = ref
        self.login = login

    @classmethod
    @contextlib.asynccontextmanager
    async def open(
        cls, forge_url: str, ref: RepoRef, login: str, token: SecretStr
    ) -> AsyncIterator[Self]:
        """Connect to a forge for as long as the context is open."""
        headers = {"Authorization": f"Bearer {token.get_secret_value()}"}
        base = f"{forge_url}/api/v3/repos/{ref}"
        async with httpx.AsyncClient(base_url=base, headers=headers, trust_env=False) as client:
            yield cls(client, ref, login)

    async def call(self, method: str, path: str, body: object = None) -> Any:  # noqa: ANN401  JSON
        """Send one request and return the answer's JSON."""
        response = await self._client.request(method, path, json=body)
        if response.is_error:
            raise GitHubUnavailable(f"{method} {path} gave {response.status_code}: {response.text}")
        return response.json() if response.content else None

    async def open_issue(self, title: str, body: str) -> int:
        """Open an issue and return its number."""
        issue = await self.call("POST", "/issues", {"title": title, "body": body})
        return int(issue["number"])

    async def comment(self, number: int, body: str) -> int:
        """Write a comment and return its id."""
        comment = await self.call("POST", f"/issues/{number}/comments", {"body": body})
        return int(comment["id"])

    async def review(self, pull: int, review: PersonReview) -> int:
        """Hand a review in, with its remarks on lines, and return its id."""
        comments = [
            {"path": c.path, "line": c.line, "side": "RIGHT", "body": c.body}
            for c in review.comments
        ]
        body = {"event": review.event, "body": review.body, "comments": comments}
        return int((await self.call("POST", f"/pulls/{pull}/reviews", body))["id"])

    async def diff(self, pull: int) -> str:
        """Read what a pull request changes, as a patch for git."""
        accept = {"Accept": "application/vnd.github.diff"}
        response = await self._client.get(f"/pulls/{pull}", headers=accept)
        return response.raise_for_status().text

    async def comments(self, number: int) -> list[dict[str, Any]]:
        """Read the comments of an issue."""
        listed = await self.call("GET", f"/issues/{number}/comments?per_page=100")
        assert isinstance(listed, list)
        return listed


class GatewayReader:
    """Reads the runs of a gateway; while it is down, the last known ones."""

    def __init__(self, url: str) -> None:
        self._client = httpx.AsyncClient(base_url=url, trust_env=False, timeout=5)
        self._runs: list[RunView] = []
        self._nodes: list[NodeStatus] = []

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self._client.aclose()

    async def runs(self) -> list[RunView]:
        """Return the runs, newest first."""
        with contextlib.suppress(httpx.HTTPError):
            response = await self._client.get("/api/runs")
            if response.is_success:
                self._runs = _RUNS.validate_json(response.content)
        return self._runs

    async def nodes(self) -> list[NodeStatus]:
        """Return what the nodes hold in memory, and what their agents do."""
        with contextlib.suppress(httpx.HTTPError):
            response = await self._client.get("/api/nodes")
            if response.is_success:
                self._nodes = _NODES.validate_json(response.content)
        return self._nodes
