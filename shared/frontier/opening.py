"""Which provider is asked, with which key. No key, no call."""

import asyncio
import importlib
from typing import Any, NamedTuple, cast
from urllib.parse import urlsplit

from pydantic import SecretStr

from shared.errors import ConfigurationError
from shared.frontier.sending import Line, Sleep
from shared.frontier.values import Frontier
from shared.profiles import FrontierPolicy, FrontierProvider
from shared.settings import Settings


class _Known(NamedTuple):
    name: str
    module: str
    url: str
    keys_at: str
    extra: str = ""


_KNOWN = {
    FrontierProvider.GEMINI: _Known(
        name="Gemini",
        module="shared.frontier.gemini",
        url="https://generativelanguage.googleapis.com",
        keys_at="https://aistudio.google.com/apikey",
    ),
    FrontierProvider.OPENAI: _Known(
        name="OpenAI",
        module="shared.frontier.gpt",
        url="https://api.openai.com/v1",
        keys_at="https://platform.openai.com/api-keys",
        extra="openai",
    ),
    FrontierProvider.ANTHROPIC: _Known(
        name="Anthropic",
        module="shared.frontier.claude",
        url="https://api.anthropic.com",
        keys_at="https://platform.claude.com/settings/keys",
        extra="anthropic",
    ),
}
_LOOPBACK = {"127.0.0.1", "::1", "localhost"}


def has_key(policy: FrontierPolicy, settings: Settings) -> bool:
    """Tell whether the frontier can be asked at all; where not, nobody is offered it."""
    return _key(policy, settings) is not None


async def open_frontier(
    policy: FrontierPolicy, settings: Settings, *, sleep: Sleep = asyncio.sleep
) -> Frontier:
    """Return the cloud model of a profile. Nothing is sent yet.

    Raises ConfigurationError, with the line to type, when the key or the provider's client is
    missing, or the key would travel in the clear.
    """
    known = _KNOWN[policy.provider]
    line = Line(
        name=known.name,
        setting=_setting(policy),
        key=_required_key(policy, settings),
        url=_safe(policy.url or known.url),
        timeout=policy.timeout,
        sleep=sleep,
    )
    try:  # the clients take a second to import
        module: Any = await asyncio.to_thread(importlib.import_module, known.module)
    except ModuleNotFoundError as error:
        if not known.extra or error.name != known.extra:
            raise
        raise ConfigurationError(
            f"The client for {known.name} is not installed. "
            f"Type: pip install 'baton-bot[{known.extra}]'"
        ) from error
    return cast("Frontier", module.connect(line))


def _setting(policy: FrontierPolicy) -> str:
    return f"BATON_{policy.provider.upper()}_API_KEY"


def _key(policy: FrontierPolicy, settings: Settings) -> SecretStr | None:
    key: SecretStr | None = getattr(settings, f"{policy.provider}_api_key")
    return key if key and key.get_secret_value().strip() else None


def _required_key(policy: FrontierPolicy, settings: Settings) -> SecretStr:
    known, setting = _KNOWN[policy.provider], _setting(policy)
    key = _key(policy, settings)
    if key is None:
        raise ConfigurationError(
            f"{setting} is not set, so {known.name} cannot be asked. Get a key at "
            f"{known.keys_at} and add this line to the env file: {setting}=<your key>"
        )
    text = key.get_secret_value().strip()
    if not text.isascii() or any(character.isspace() for character in text):
        raise ConfigurationError(f"{setting} holds characters that no key has; copy it again.")
    return SecretStr(text)


def _safe(url: str) -> str:
    parts = urlsplit(url)
    if parts.scheme == "https" or parts.hostname in _LOOPBACK:
        return url
    raise ConfigurationError(
        f"url in [frontier] of the profile begins with http:// and names {parts.hostname}: the key "
        "would travel in the clear. Use https://."
    )
