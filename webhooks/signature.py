"""Who sent it: the HMAC-SHA256 that GitHub puts over the raw body."""

import hashlib
import hmac

from pydantic import SecretStr

from shared.errors import BadSignature, ConfigurationError

HEADER = "X-Hub-Signature-256"
SHORTEST_SECRET = 16  # characters; 64 bits even when they are hexadecimal digits

_PREFIX = "sha256="
_HOW_TO_MAKE_ONE = (
    'Make one with `python3 -c "import secrets; print(secrets.token_hex(32))"` and set the same '
    "value as the App's webhook secret on GitHub and as BATON_WEBHOOK_SECRET here."
)


def require_secret(secret: SecretStr) -> None:
    """Refuse to start without a webhook secret worth the name.

    Raises ConfigurationError.
    """
    length = len(secret.get_secret_value().strip())
    if length == 0:
        raise ConfigurationError(f"The webhook secret is not set. {_HOW_TO_MAKE_ONE}")
    if length < SHORTEST_SECRET:
        raise ConfigurationError(
            f"The webhook secret has {length} characters; at least {SHORTEST_SECRET} are needed. "
            f"{_HOW_TO_MAKE_ONE}"
        )


def sign(body: bytes, secret: SecretStr) -> str:
    """Return the header value that GitHub sends with this body."""
    key = secret.get_secret_value().encode()
    return _PREFIX + hmac.new(key, body, hashlib.sha256).hexdigest()


def check_signature(body: bytes, header: str | None, secret: SecretStr) -> None:
    """Accept the body only when the header is its HMAC-SHA256.

    Raises BadSignature.
    """
    if header is None:
        raise BadSignature(
            f"The delivery has no {HEADER} header. Set a webhook secret in the App's settings."
        )
    if not header.startswith(_PREFIX):
        raise BadSignature(
            f"The {HEADER} header does not start with {_PREFIX!r}; no other digest is accepted."
        )
    # Bytes, because compare_digest refuses text beyond ASCII and headers are Latin-1.
    if not hmac.compare_digest(header.encode("latin-1", "replace"), sign(body, secret).encode()):
        raise BadSignature(
            "The signature does not match the body. Check that the App's webhook secret on GitHub "
            "and BATON_WEBHOOK_SECRET are the same, and that no proxy rewrites the body."
        )
