"""What every part of a repository's API stands on."""

from collections.abc import Awaitable, Callable
from typing import TypeVar

from pydantic import SecretStr

from shared.domain import RepoRef
from shared.github.client import Client, path
from shared.github.once import create_once
from shared.github.values import Identity

T = TypeVar("T")


class Facet:
    """One repository, seen through one client."""

    def __init__(
        self,
        ref: RepoRef,
        client: Client,
        identity: Callable[[], Awaitable[Identity]],
        git_token: Callable[[], Awaitable[SecretStr]],
    ) -> None:
        self.ref = ref
        self._client = client
        self._identity = identity
        self._git_token = git_token

    def _at(self, *segments: str | int) -> str:
        """Return a path below this repository."""
        return path("repos", self.ref.owner, self.ref.name, *segments)

    async def _once(
        self, look_up: Callable[[], Awaitable[T | None]], create: Callable[[], Awaitable[T]]
    ) -> T:
        return await create_once(look_up, create, self._client.pace.sleep)
