"""The App's manifest, from `app.yml`, with the addresses of one gateway; and what it becomes."""

import json
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import quote, urlencode, urlsplit

import httpx
import yaml
from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError

from shared.errors import ConfigurationError, GitHubUnavailable, NotFound
from shared.github import GitHubUrls
from webhooks.routes import PATH

CALLBACK = "/setup/callback"
_NAME_LENGTH = 34  # characters, GitHub's limit for an App's name
_HERE = Path(__file__).parent
_PLACES = (_HERE / "app.yml", _HERE.parents[1] / "app.yml")  # in the wheel, in the repository


class Registered(BaseModel):
    """An App as GitHub hands it out, once; its secrets never show in a representation."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    id: int
    slug: str
    html_url: str
    webhook_secret: SecretStr = Field(min_length=16)
    pem: SecretStr


def manifest(name: str, hook: str, local_url: str) -> Mapping[str, object]:
    """Fill in `app.yml`: the App's name, where deliveries go, and where this machine's page is.

    Raises ConfigurationError for a name or address that GitHub would not take.
    """
    if not 0 < len(name.strip()) <= _NAME_LENGTH:
        raise ConfigurationError(
            f"An App's name has 1 to {_NAME_LENGTH} characters, and is unique."
        )
    to = urlsplit(hook)
    if to.scheme not in {"http", "https"} or not to.hostname:
        raise ConfigurationError(f"{hook!r} is no address; write it as https://HOST.")
    path = next(path for path in _PLACES if path.is_file())
    read: dict[str, object] = yaml.safe_load(path.read_text("utf-8"))
    return read | {
        "name": name.strip(),
        "url": hook.removesuffix(PATH),
        "hook_attributes": {"url": hook, "active": True},
        "redirect_url": local_url + CALLBACK,
    }


def hook_url(public_url: str) -> str:
    """Return where GitHub sends deliveries when a gateway has a public address of its own."""
    return public_url.rstrip("/") + PATH


def form_url(urls: GitHubUrls, state: str, organization: str = "") -> str:
    """Return the page of GitHub that takes the manifest."""
    of = f"/organizations/{quote(organization, safe='')}" if organization else ""
    return f"{urls.web}{of}/settings/apps/new?{urlencode({'state': state})}"


async def exchange(urls: GitHubUrls, code: str) -> Registered:
    """Turn the code that GitHub gave to the browser into the App with its secrets.

    Raises NotFound for a code that is used up, older than an hour or wrong, and
    GitHubUnavailable.
    """
    url = f"{urls.api}/app-manifests/{quote(code, safe='')}/conversions"
    headers = {"Accept": "application/vnd.github+json", "User-Agent": "baton-bot"}
    try:
        async with httpx.AsyncClient(timeout=30, trust_env=not urls.is_loopback) as client:
            answer = await client.post(url, headers=headers)
    except httpx.HTTPError as error:
        raise GitHubUnavailable(
            f"GitHub could not be reached ({type(error).__name__}) to fetch the new App. "
            "Check the network and load this page again within the hour."
        ) from None
    if answer.status_code == httpx.codes.NOT_FOUND:
        raise NotFound(
            "GitHub does not know this code: it works once, for an hour. If the App shows at "
            f"{urls.web}/settings/apps, delete it there, and run `baton setup` again."
        )
    try:
        return Registered.model_validate_json(answer.content)
    except ValidationError:
        # Never the answer itself: it may hold the key.
        raise GitHubUnavailable(
            f"GitHub answered {answer.status_code} and no App. See https://www.githubstatus.com."
        ) from None


def as_text(filled: Mapping[str, object]) -> str:
    """Write a manifest as the form carries it."""
    return json.dumps(filled, ensure_ascii=False)
