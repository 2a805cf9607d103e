"""Tell who calls from the credential that came along."""

import base64
import binascii
import json
import secrets
from datetime import timedelta

import jwt
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.serialization import load_pem_public_key
from jwt.types import Options
from sqlalchemy import select

from bot.demo.forge.actors import NOBODY, Actor
from bot.demo.forge.core import Forge, Unit, digest
from bot.demo.forge.problems import Problem, bad_credentials
from bot.demo.forge.tables import Account, InstallationToken

_LONGEST_JWT = timedelta(minutes=10)
_INSTALLATION_PREFIX = "ghs_"


def new_installation_token(forge: Forge) -> str:
    """Make a token in the form that GitHub gives since April 2026: ``ghs_<app>_<jwt>``."""
    parts = (
        json.dumps({"alg": "ES256", "typ": "JWT"}).encode(),
        json.dumps({"iss": "forge", "jti": secrets.token_urlsafe(240)}).encode(),
        secrets.token_bytes(64),
    )
    encoded = ".".join(base64.urlsafe_b64encode(part).rstrip(b"=").decode() for part in parts)
    return f"{_INSTALLATION_PREFIX}{forge.config.app.id}_{encoded}"


async def authenticate(unit: Unit, authorization: str | None) -> Actor:
    """Read an Authorization header: none, Bearer, token or Basic.

    Raises Problem 401 for a credential that is unknown, malformed or expired.
    """
    if not authorization:
        return NOBODY
    scheme, _, value = authorization.partition(" ")
    if scheme.lower() == "basic":
        return await _with_token(unit, _password(value))
    if scheme.lower() not in {"bearer", "token"}:
        raise bad_credentials()
    if value.startswith("eyJ"):
        return _with_jwt(unit.forge, value)
    return await _with_token(unit, value)


def _password(value: str) -> str:
    try:
        return base64.b64decode(value, validate=True).decode().partition(":")[2]
    except (binascii.Error, UnicodeDecodeError) as error:
        raise bad_credentials() from error


async def _with_token(unit: Unit, token: str) -> Actor:
    kept = digest(token)
    if token.startswith(_INSTALLATION_PREFIX):
        return await _with_installation_token(unit, kept)
    account = await unit.session.scalar(select(Account).where(Account.token_digest == kept))
    if account is None:
        raise bad_credentials()
    return Actor(account=account)


async def _with_installation_token(unit: Unit, kept: str) -> Actor:
    row = await unit.session.get(InstallationToken, kept)
    if row is None or row.expires_at <= unit.forge.now():
        raise bad_credentials()
    chosen = row.repository_ids
    return Actor(
        account=await unit.account(f"{unit.forge.config.app.slug}[bot]"),
        installation=row.installation,
        permissions=row.permissions,
        repository_ids=None if chosen is None else frozenset(chosen),
    )


def _with_jwt(forge: Forge, token: str) -> Actor:
    claims = _claims(forge, token)
    now = forge.now().timestamp()
    issued, expires = claims.get("iat"), claims.get("exp")
    if not isinstance(expires, (int, float)) or expires <= now:
        raise Problem(
            401,
            "'Expiration time' claim ('exp') must be a numeric value representing "
            "the future time at which the assertion expires",
        )
    if expires > now + _LONGEST_JWT.total_seconds():
        raise Problem(401, "'Expiration time' claim ('exp') is too far in the future")
    if not isinstance(issued, (int, float)) or issued > now:
        raise Problem(
            401,
            "'Issued at' claim ('iat') must be an Integer representing "
            "the time that the assertion was issued",
        )
    if str(claims.get("iss")) != str(forge.config.app.id):
        raise Problem(404, "Integration not found")
    return Actor(is_app=True)


def _claims(forge: Forge, token: str) -> dict[str, object]:
    key = load_pem_public_key(forge.config.app.public_key.encode())
    assert isinstance(key, RSAPublicKey)
    # The times are checked by the forge's clock, not by the machine's.
    unchecked: Options = {"verify_exp": False, "verify_iat": False, "verify_nbf": False}
    try:
        claims: dict[str, object] = jwt.decode(token, key, algorithms=["RS256"], options=unchecked)
    except jwt.InvalidTokenError as error:
        raise Problem(401, "A JSON web token could not be decoded") from error
    return claims
