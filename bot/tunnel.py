"""A smee client: takes deliveries from a channel and hands them in at the gateway's own door.

smee parses a delivery and writes it anew, so the bytes that GitHub signed are gone. What GitHub
sends is compact JSON in UTF-8, which comes out of JavaScript as it went in, but for a few cases
(integers beyond 2^53, keys that are numbers, numbers such as 1.0). So the signature is checked
here first, over the body as smee wrote it and as GitHub would write it; the form that holds is
handed in, and the gateway checks it again. One that holds in no form is not handed in: the log
says so, and the delivery has to come another way.
"""

import asyncio
import json
import logging
from collections.abc import AsyncIterator, Iterator, Mapping
from typing import NamedTuple

import httpx
from pydantic import SecretStr

from shared.errors import BadSignature, ConfigurationError
from webhooks.signature import HEADER, check_signature

NEW_CHANNEL = "https://smee.io/new"
_CARRIED = ("content-type", "user-agent", "x-github-delivery", "x-github-event", HEADER.lower())
_FIRST_PAUSE, _LONGEST_PAUSE = 1.0, 60.0  # seconds, before connecting again
_SILENCE = 90.0  # seconds; smee sends a ping every half minute
_log = logging.getLogger(__name__)


class Parcel(NamedTuple):
    """A delivery out of a channel: its headers and the body that its signature holds for."""

    headers: Mapping[str, str]
    body: bytes

    @property
    def guid(self) -> str:
        """Return the delivery's GUID."""
        return self.headers.get("x-github-delivery", "unknown")


async def new_channel(at: str = NEW_CHANNEL) -> str:
    """Open a channel and return its address. Raises ConfigurationError."""
    try:
        async with httpx.AsyncClient(timeout=30) as client:
            answer = await client.head(at)
    except httpx.HTTPError as error:
        raise ConfigurationError(
            f"{at} does not answer ({type(error).__name__}). Check the network, or choose "
            "another tunnel: see docs/setup.md."
        ) from None
    location = answer.headers.get("location", "")
    if not location.startswith(("https://", "http://127.0.0.1:")):
        raise ConfigurationError(f"{at} gave no channel. Choose another tunnel: docs/setup.md.")
    return str(location)


async def forward_forever(channel: str, target: str, secret: SecretStr) -> None:
    """Hand in at ``target`` whatever comes by a channel; connect again whenever it breaks."""
    pause = _FIRST_PAUSE
    while True:
        try:
            async with httpx.AsyncClient(timeout=_SILENCE) as client:
                async for text in _messages(client, channel):
                    pause = _FIRST_PAUSE
                    await _forward(text, target, secret)
        except (httpx.HTTPError, ValueError) as error:
            _log.warning("tunnel: %s broke off (%s)", channel, type(error).__name__)
        await asyncio.sleep(pause)
        pause = min(2 * pause, _LONGEST_PAUSE)


def unpack(text: str, secret: SecretStr) -> Parcel | None:
    """Read a message of a channel, or return None for smee's own.

    Raises BadSignature when the body as GitHub signed it cannot be had back, ValueError for what
    is no message.
    """
    members = dict(_members(text))
    if "body" not in members:
        return None
    headers = {name: json.loads(members[name]) for name in _CARRIED if name in members}
    headers = {name: value for name, value in headers.items() if isinstance(value, str)}
    raw = members["body"]
    again = json.dumps(json.loads(raw), ensure_ascii=False, separators=(",", ":"))
    for body in (raw, again):
        try:
            check_signature(body.encode(), headers.get(HEADER.lower()), secret)
        except BadSignature:
            continue
        headers["content-type"] = "application/json"
        return Parcel(headers, body.encode())
    raise BadSignature(
        f"The signature of delivery {headers.get('x-github-delivery', 'unknown')} does not hold "
        "for what smee passed on. Either the webhook secret differs, or smee has changed the "
        "body, as it does with very large numbers: redeliver it by a tunnel that keeps the "
        "bytes (cloudflared, Tailscale)."
    )


async def _forward(text: str, target: str, secret: SecretStr) -> None:
    try:
        parcel = unpack(text, secret)
    except (BadSignature, ValueError) as error:
        _log.error("tunnel: %s", error)
        return
    if parcel is None:
        return
    try:
        # The gateway is on this machine: no proxy is asked.
        async with httpx.AsyncClient(timeout=30, trust_env=False) as client:
            answer = await client.post(target, content=parcel.body, headers=dict(parcel.headers))
    except httpx.HTTPError as error:
        # GitHub takes it for delivered, smee having answered; nobody repeats it by itself.
        _log.error(
            "tunnel: delivery %s was not handed in (%s). Redeliver it once the gateway runs.",
            parcel.guid,
            type(error).__name__,
        )
        return
    _log.info("tunnel: delivery %s: %d", parcel.guid, answer.status_code)


async def _messages(client: httpx.AsyncClient, channel: str) -> AsyncIterator[str]:
    """Yield the data of every event of a channel (server-sent events)."""
    headers = {"Accept": "text/event-stream"}
    async with client.stream("GET", channel, headers=headers) as answer:
        answer.raise_for_status()
        data: list[str] = []
        async for line in _lines(answer):
            if line.startswith("data:"):
                data.append(line.removeprefix("data:").removeprefix(" "))
            elif not line and data:
                yield "\n".join(data)
                data = []


async def _lines(answer: httpx.Response) -> AsyncIterator[str]:
    """Yield lines; httpx would break them at U+2028 as well, which JSON holds unescaped."""
    rest = bytearray()
    async for chunk in answer.aiter_bytes():
        *whole, last = chunk.split(b"\n")
        for part in whole:
            yield (rest + part).decode().removesuffix("\r")
            rest.clear()
        rest += last


def _members(text: str) -> Iterator[tuple[str, str]]:
    """Yield the members of a JSON object with their values as they are written.

    Reading and writing anew would spell numbers in another way than smee did.
    """
    decoder, at = json.JSONDecoder(), _after(text, 0, "{")
    while text[at : at + 1] != "}":
        name, at = decoder.raw_decode(text, at)
        start = _after(text, at, ":")
        _, at = decoder.raw_decode(text, start)
        yield str(name), text[start:at]
        at = _blank(text, at)
        at = at if text[at : at + 1] == "}" else _after(text, at, ",")


def _after(text: str, at: int, mark: str) -> int:
    at = _blank(text, at)
    if text[at : at + 1] != mark:
        raise ValueError(f"a message of the channel has no {mark!r} where one belongs")
    return _blank(text, at + 1)


def _blank(text: str, at: int) -> int:
    while text[at : at + 1] in {" ", "\t", "\n", "\r"}:
        at += 1
    return at
