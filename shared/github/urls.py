"""Where GitHub is: github.com, an Enterprise server, or the embedded forge."""

from typing import Annotated, Self
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field

from shared.domain import RepoRef, Value

_LOOPBACK = {"127.0.0.1", "localhost", "::1"}


def _web_address(url: str) -> str:
    parts = urlsplit(url)
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise ValueError("must be an address such as https://github.example.com")
    if parts.username or parts.password:
        raise ValueError("must not hold credentials; set the token or the App's key instead")
    return url.rstrip("/")


Url = Annotated[str, AfterValidator(_web_address)]


class GitHubUrls(Value):
    """The addresses of one GitHub: ``api`` for REST, ``web`` for pages and git."""

    api: Url = Field(default="https://api.github.com")
    web: Url = Field(default="https://github.com")

    @classmethod
    def of_server(cls, base: str) -> Self:
        """Return the addresses of an Enterprise server, or of the embedded forge."""
        return cls(api=f"{base.rstrip('/')}/api/v3", web=base)

    @property
    def graphql(self) -> str:
        """The GraphQL endpoint; Enterprise servers keep it beside ``/api/v3``, not below it."""
        return f"{self.api.removesuffix('/v3')}/graphql"

    @property
    def host(self) -> str:
        """The host name of the pages."""
        return urlsplit(self.web).hostname or ""

    @property
    def is_loopback(self) -> bool:
        """Tell whether this GitHub runs on this machine, where no proxy must be asked."""
        return (urlsplit(self.api).hostname or "") in _LOOPBACK

    def repository(self, ref: RepoRef) -> str:
        """Return the page of a repository."""
        return f"{self.web}/{ref}"

    def clone(self, ref: RepoRef) -> str:
        """Return the address for git, without credentials."""
        return f"{self.web}/{ref}.git"
