import asyncio
import contextlib
import json
import logging
from collections.abc import AsyncIterator

import httpx
import pytest
from fastapi import FastAPI
from pydantic import SecretStr

from bot.serving import serve
from bot.tunnel import forward_forever, new_channel, unpack
from shared.errors import BadSignature, ConfigurationError
from tests.setup.smee import Smee, rewritten
from webhooks.delivery import Accepted, Delivery
from webhooks.routes import PATH, create_router
from webhooks.signature import sign

SECRET = SecretStr("a secret that smee never learns")
ISSUE = {
    "action": "opened",
    "issue": {"number": 7, "title": "무게 ✓ \u2028 <b>&</b>", "user": {"login": "alice"}},
    "repository": {"full_name": "alice/shop"},
    "sender": {"login": "alice"},
    "amount": 0.00000015,
}


def compact(value: object) -> bytes:
    """Write JSON as GitHub does."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()


def headers(body: bytes, guid: str = "guid-1") -> dict[str, str]:
    """Return the headers that GitHub puts on a delivery."""
    return {
        "Content-Type": "application/json",
        "X-GitHub-Event": "issues",
        "X-GitHub-Delivery": guid,
        "X-Hub-Signature-256": sign(body, SECRET),
        "Cookie": "smee's own",
    }


def message(body: bytes, **more: str) -> str:
    """Return what a channel makes of a delivery."""
    lowered = {name.lower(): value for name, value in headers(body).items()}
    rest = json.dumps(lowered | more)[:-1]
    return f'{rest}, "body" : {rewritten(body)} ,"query":{{"body":"x"}},"timestamp":1}}'


def test_a_compact_body_keeps_its_signature() -> None:
    """GitHub's own form survives smee, numbers as they are spelled, and only its headers do."""
    body = compact(ISSUE)
    parcel = unpack(message(body), SECRET)
    assert parcel is not None
    assert parcel.body == body
    assert set(parcel.headers) == {
        "content-type",
        "x-github-event",
        "x-github-delivery",
        "x-hub-signature-256",
    }


def test_a_channel_that_adds_spaces_is_mended() -> None:
    """A server that writes JSON with spaces is undone, for the form that GitHub signs is known."""
    whole = {**ISSUE, "amount": 1}
    spaced = message(compact(whole)).replace(rewritten(compact(whole)), json.dumps(whole, indent=1))
    parcel = unpack(spaced, SECRET)
    assert parcel is not None
    assert parcel.body == compact(whole)


@pytest.mark.parametrize(
    "body",
    [json.dumps(ISSUE).encode(), compact({**ISSUE, "large": 2**53 + 1})],
    ids=["signed with spaces", "a number that JavaScript cannot hold"],
)
def test_what_smee_has_changed_is_refused_with_the_reason(body: bytes) -> None:
    """A signature that cannot hold is never skipped; the message names the way out."""
    with pytest.raises(BadSignature, match=r"guid-1.*cloudflared"):
        unpack(message(body), SECRET)


def test_another_secret_or_none_is_refused() -> None:
    """A stranger who knows the channel can post to it, and reaches nothing."""
    text = message(compact(ISSUE))
    with pytest.raises(BadSignature):
        unpack(text, SecretStr("another secret, just as long"))
    with pytest.raises(BadSignature):
        unpack(text.replace("x-hub-signature-256", "x-hub-signature-512"), SECRET)


def test_smees_own_messages_are_no_deliveries() -> None:
    """`ready` and `ping` carry no body; what is no message at all is told apart."""
    assert unpack("{}", SECRET) is None
    for text in ("", "[1]", '{"body"', '{"body":1 "query":2}'):
        with pytest.raises(ValueError, match=r".+"):
            unpack(text, SECRET)


@contextlib.asynccontextmanager
async def gateway(got: asyncio.Queue[str]) -> AsyncIterator[str]:
    """Open a real door; the GUIDs that it accepts come by the queue."""

    async def accept(delivery: Delivery) -> Accepted:
        got.put_nowait(delivery.guid)
        return Accepted.NEW

    app = FastAPI()
    app.include_router(create_router(SECRET, accept))
    async with serve(app) as url:
        yield url + PATH


async def test_deliveries_come_through_and_again_after_a_break(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """What is posted to a channel reaches the door, signature checked; a break is mended."""
    caplog.set_level(logging.INFO, "bot.tunnel")
    smee, got = Smee(), asyncio.Queue[str]()
    async with (
        serve(smee.app()) as at,
        gateway(got) as door,
        httpx.AsyncClient(trust_env=False) as github,
    ):
        channel = await new_channel(f"{at}/new")
        tunnel = asyncio.create_task(forward_forever(channel, door, SECRET))
        await smee.came.wait()
        body, forged = compact(ISSUE), compact({**ISSUE, "action": "closed"})
        await github.post(channel, content=forged, headers=headers(body, "forged"))
        await github.post(channel, content=body, headers=headers(body, "first"))
        assert await asyncio.wait_for(got.get(), 20) == "first"
        assert "delivery forged does not hold" in caplog.text
        smee.hang_up()
        await asyncio.wait_for(smee.came.wait(), 20)
        await github.post(channel, content=body, headers=headers(body, "second"))
        assert await asyncio.wait_for(got.get(), 20) == "second"
        tunnel.cancel()
        await asyncio.gather(tunnel, return_exceptions=True)
        smee.hang_up()
    assert got.empty()


async def test_no_channel_is_one_sentence() -> None:
    """A smee that does not answer leads to the other ways."""
    with pytest.raises(ConfigurationError, match=r"docs/setup\.md"):
        await new_channel("http://127.0.0.1:9/new")
