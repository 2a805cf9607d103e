"""Register an App from a manifest: the code that a person's click gives, and its exchange.

https://docs.github.com/en/apps/sharing-github-apps/registering-a-github-app-from-a-manifest
The forge knows one App: a new one takes its place, with its installations, until the forge stops.
"""

import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Literal

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from pydantic import BaseModel, ConfigDict, SecretStr, ValidationError
from sqlalchemy import select

from bot.demo.forge.config import AppRegistration
from bot.demo.forge.core import Forge, Json, Unit
from bot.demo.forge.problems import not_found, unacceptable
from bot.demo.forge.seed import add_bot, ping
from bot.demo.forge.tables import Installation
from bot.demo.forge.views import accounts

_CODE_LIFE = timedelta(hours=1)


class HookAttributes(BaseModel):
    """Where deliveries go."""

    url: str
    active: bool = True


class Manifest(BaseModel):
    """What an App asks to be; other fields of GitHub's are accepted and mean nothing here."""

    model_config = ConfigDict(extra="ignore")

    name: str
    url: str
    hook_attributes: HookAttributes | None = None
    redirect_url: str
    public: bool = False
    default_events: tuple[str, ...] = ()
    default_permissions: Mapping[str, Literal["read", "write", "admin"]] = {}


@dataclass
class Registrar:
    """The manifests that people have agreed to and nobody has fetched yet, by code."""

    waiting: dict[str, tuple[Manifest, datetime]] = field(default_factory=dict)

    def agree(self, manifest: Manifest, now: datetime) -> str:
        """Keep a manifest; return the code for it."""
        code = secrets.token_hex(20)
        self.waiting[code] = (manifest, now)
        return code

    def take(self, code: str, now: datetime) -> Manifest:
        """Give a manifest out, once and within the hour. Raises Problem 404."""
        manifest, since = self.waiting.pop(code, (None, now))
        if manifest is None or now - since > _CODE_LIFE:
            raise not_found()
        return manifest


def read(text: str) -> Manifest:
    """Read the manifest that a form carries. Raises Problem 422, naming the field."""
    try:
        return Manifest.model_validate_json(text)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"])) or "manifest"
        raise unacceptable(f'For "{where}": {first["msg"]}.') from error


async def register(unit: Unit, manifest: Manifest) -> Json:
    """Make the App with new secrets and return it with them, which happens only here."""
    forge, key = unit.forge, rsa.generate_private_key(65537, 2048)
    secret = secrets.token_hex(32)
    _replace(forge, manifest, key, secret)
    await add_bot(unit, forge.config)
    for row in await unit.session.scalars(select(Installation)):
        row.permissions = dict(forge.config.app.permissions)
    if forge.config.webhook_url:
        await unit.send("ping", None, ping(unit))
    return await accounts.integration(unit) | {
        "client_secret": secrets.token_hex(20),
        "webhook_secret": secret,
        "pem": key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.TraditionalOpenSSL,
            serialization.NoEncryption(),
        ).decode(),
    }


def _replace(forge: Forge, manifest: Manifest, key: rsa.RSAPrivateKey, secret: str) -> None:
    public = key.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    app = AppRegistration(
        id=forge.config.app.id + 1,
        slug=re.sub(r"[^a-z0-9]+", "-", manifest.name.lower()).strip("-"),
        name=manifest.name,
        public_key=public.decode(),
        permissions=manifest.default_permissions,
        events=manifest.default_events,
    )
    hook = manifest.hook_attributes
    forge.config = forge.config.model_copy(
        update={
            "app": app,
            "webhook_secret": SecretStr(secret),
            "webhook_url": hook.url if hook and hook.active else None,
        }
    )
