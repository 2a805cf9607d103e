import hashlib
import hmac

import pytest
from pydantic import SecretStr

from shared.errors import BadSignature, ConfigurationError
from tests.webhooks.conftest import SECRET, Door, Payload
from webhooks.signature import check_signature, require_secret, sign


def test_githubs_published_vector() -> None:
    """The signature is the one that GitHub's documentation computes."""
    # https://docs.github.com/en/webhooks/using-webhooks/validating-webhook-deliveries
    secret = SecretStr("It's a Secret to Everybody")
    expected = "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17"
    assert sign(b"Hello, World!", secret) == expected
    check_signature(b"Hello, World!", expected, secret)


def test_one_changed_byte_is_refused() -> None:
    """Whichever byte of the body changes, the signature no longer holds."""
    body = b'{"action":"opened"}'
    signed = sign(body, SECRET)
    for position in range(len(body)):
        changed = bytearray(body)
        changed[position] ^= 1
        with pytest.raises(BadSignature, match="does not match"):
            check_signature(bytes(changed), signed, SECRET)


@pytest.mark.parametrize(
    ("header", "why"),
    [
        (None, "no X-Hub-Signature-256"),
        ("", "does not start with 'sha256='"),
        ("sha1=" + hmac.new(b"", b"{}", hashlib.sha1).hexdigest(), "does not start with"),
        (sign(b"{}", SECRET).upper(), "does not start with"),
        (sign(b"{}", SECRET).removeprefix("sha256="), "does not start with"),
        ("sha256=" + sign(b"{}", SECRET)[7:].upper(), "does not match"),
        ("sha256=", "does not match"),
        (sign(b"{}", SECRET) + " ", "does not match"),
        ("sha256=\u00e9", "does not match"),
    ],
)
def test_every_other_form_is_refused(header: str | None, why: str) -> None:
    """Only lower-case SHA-256 behind its prefix is a signature."""
    with pytest.raises(BadSignature, match=why):
        check_signature(b"{}", header, SECRET)


def test_sha1_of_the_right_secret_is_refused() -> None:
    """A correct HMAC of the old digest opens nothing, prefixed or not."""
    digest = hmac.new(SECRET.get_secret_value().encode(), b"{}", hashlib.sha1).hexdigest()
    for header in (digest, f"sha1={digest}", f"sha256={digest}"):
        with pytest.raises(BadSignature):
            check_signature(b"{}", header, SECRET)


@pytest.mark.parametrize("secret", ["", "   \n", "hunter2", "fifteen letters"])
def test_no_start_without_a_proper_secret(secret: str) -> None:
    """A missing or short secret stops the start and says how to make a good one."""
    with pytest.raises(ConfigurationError, match=r"secrets\.token_hex") as refusal:
        require_secret(SecretStr(secret))
    assert not secret.strip() or secret not in str(refusal.value)


async def test_unsigned_is_refused_before_it_is_read(door: Door, opened: Payload) -> None:
    """A bad signature answers 401 whatever the body holds, and nothing is stored."""
    for body in (opened, b"no JSON", b""):
        answer = await door.knock(body, x_hub_signature_256="sha256=" + "0" * 64)
        assert answer.status_code == 401
        assert "BATON_WEBHOOK_SECRET" in answer.json()["message"]
    missing = await door.knock(opened, x_hub_signature_256=None)
    assert missing.status_code == 401
    assert door.inbox.stored == {}
