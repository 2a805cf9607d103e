import asyncio
import json
import logging
from urllib.parse import urlsplit

import pytest
from starlette.requests import Request
from starlette.types import Message

from shared.errors import BadBody
from tests.webhooks.conftest import SECRET, Door, Payload
from webhooks.body import LIMIT, read_limited
from webhooks.routes import PATH
from webhooks.signature import sign


async def test_receipt_of_a_new_and_a_repeated_delivery(door: Door, opened: Payload) -> None:
    """A GUID is accepted once; sent again it is told to be known and nothing more is stored."""
    first = await door.knock(opened, guid="72d3162e-cc78-11e3-81ab-4c9367dc0958")
    assert first.status_code == 202
    assert first.json() == {
        "status": "accepted",
        "delivery": "72d3162e-cc78-11e3-81ab-4c9367dc0958",
        "event": "issues.opened",
    }
    again = await door.knock(opened, guid="72d3162e-cc78-11e3-81ab-4c9367dc0958")
    assert (again.status_code, again.json()["status"]) == (202, "repeated")
    assert len(door.inbox.stored) == 1
    delivery = door.inbox.read("72d3162e-cc78-11e3-81ab-4c9367dc0958")
    assert delivery.event.kind == "issues"
    assert delivery.event.issue.title == opened["issue"]["title"]


async def test_unknown_events_and_actions_are_ignored(door: Door, opened: Payload) -> None:
    """What Baton does not listen to is acknowledged as ignored, and not stored."""
    cases: list[tuple[str, Payload | bytes]] = [
        ("star", {"action": "created"}),
        ("an_event_of_2031", {}),
        ("issues", {**opened, "action": "pinned"}),
        ("issues", {**opened, "action": ["opened"]}),
        ("issues", {**opened, "action": {"a": 1}}),
        ("issues", {}),
    ]
    for event, body in cases:
        answer = await door.knock(body, event)
        assert (answer.status_code, answer.json()["status"]) == (202, "ignored"), event
    assert door.inbox.stored == {}


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"no JSON",
        b'{"action": "opened"',
        b'{"action": "opened"} trailing',
        b'{"a": NaN}',
        b'{"a": "\\ud800"}',
        b'{"a": "\xff\xfe"}',
        '{"action": "opened"}'.encode("utf-16"),
        b"\xef\xbb\xbf{}",
        b"[]",
        b'[{"action": "opened"}]',
        b'"text"',
        b"17",
        b"null",
        b'{"a":' * 50_000 + b"1" + b"}" * 50_000,
        b"[" * 100_000,
        b'{"action": "opened", "issue": {"number": ' + b"9" * 10_000 + b"}}",  # beyond int()
    ],
    ids=lambda body: str(body[:12] + body[-12:]),
)
async def test_what_is_not_a_json_object_is_refused(door: Door, body: bytes) -> None:
    """Bad JSON, another type, wrong encoding or endless nesting answer 400, never 500."""
    answer = await door.knock(body)
    assert answer.status_code == 400, answer.text
    assert answer.json()["status"] == "refused"
    assert door.inbox.stored == {}


@pytest.mark.parametrize(
    ("path", "value", "field"),
    [
        (("issue", "number"), "seven", "issue.number"),
        (("issue", "number"), 2**80, "issue.number"),
        (("issue", "number"), 0, "issue.number"),
        (("issue", "title"), None, "issue.title"),
        (("issue", "labels"), [{"name": 1}], "issue.labels.0.name"),
        (("issue", "user"), [], "issue.user"),
        (("repository",), None, "repository"),
        (("repository", "full_name"), None, "repository.full_name"),
        (("installation",), {"id": -1}, "installation.id"),
    ],
)
async def test_wrong_shape_names_the_field(
    door: Door, opened: Payload, path: tuple[str, ...], value: object, field: str
) -> None:
    """A field of the wrong form answers 422 with its name and without its value."""
    target = opened
    for key in path[:-1]:
        target = target[key]
    target[path[-1]] = value
    answer = await door.knock(opened)
    assert answer.status_code == 422
    assert f"`{field}`" in answer.json()["message"]
    assert "seven" not in answer.text


async def test_missing_field_is_named(door: Door, opened: Payload) -> None:
    """A field that is not there at all answers 422 with its name."""
    del opened["issue"]
    answer = await door.knock(opened)
    assert answer.status_code == 422
    assert "`issue`" in answer.json()["message"]


@pytest.mark.parametrize(
    ("header", "value"),
    [
        ("x_github_event", None),
        ("x_github_event", ""),
        ("x_github_event", "Issues\tinjected"),
        ("x_github_delivery", None),
        ("x_github_delivery", "../../etc/passwd"),
        ("x_github_delivery", "a" * 65),
    ],
)
async def test_missing_or_odd_headers(
    door: Door, opened: Payload, header: str, value: str | None
) -> None:
    """Without a proper event name or GUID the answer is 400 and names the header."""
    answer = await door.knock(opened, "issues", "guid-1", **{header: value})
    assert answer.status_code == 400
    assert header.replace("_", "-") in answer.json()["message"].lower()
    assert door.inbox.stored == {}


async def test_a_form_is_told_what_to_set(door: Door) -> None:
    """A form-encoded delivery answers 415 and says which setting to change."""
    answer = await door.knock(
        b"payload=%7B%7D", content_type="application/x-www-form-urlencoded; charset=utf-8"
    )
    assert answer.status_code == 415
    assert "application/json in the App settings" in answer.json()["message"]


async def _raw(door: Door, *pieces: bytes) -> int:
    """Send bytes as they are; return the status code of the answer."""
    at = urlsplit(door.url)
    reader, writer = await asyncio.open_connection(at.hostname, at.port)
    try:
        for piece in pieces:
            writer.write(piece)
            await writer.drain()
        return int((await reader.readline()).split()[1])
    finally:
        writer.close()
        await writer.wait_closed()


def _head(*lines: str) -> bytes:
    return "\r\n".join([f"POST {PATH} HTTP/1.1", "Host: baton", *lines, "", ""]).encode()


async def test_announced_length_is_refused_unread(door: Door) -> None:
    """A body announced as too long is refused before a byte of it was sent."""
    assert await _raw(door, _head(f"Content-Length: {LIMIT + 1}")) == 413


async def test_chunked_body_is_cut_off_at_the_limit(door: Door) -> None:
    """A body without an announced length is refused as soon as it passes the limit."""
    chunk = b"%x\r\n%s\r\n" % (1 << 20, b"x" * (1 << 20))
    # 25 of 26 chunks fill the limit; the end of the body is never sent.
    pieces = [_head("Transfer-Encoding: chunked"), *[chunk] * (LIMIT // (1 << 20) + 1)]
    assert await _raw(door, *pieces) == 413


async def test_the_limit_itself_is_accepted(door: Door) -> None:
    """A delivery of exactly 25 MB is taken, chunked or not."""
    padding = LIMIT - len(b'{"pad":""}')
    body = b'{"pad":"' + b"x" * padding + b'"}'
    assert len(body) == LIMIT
    assert (await door.knock(body, "star")).status_code == 202
    chunked = b"%x\r\n%s\r\n0\r\n\r\n" % (len(body), body)
    head = _head(
        "Transfer-Encoding: chunked",
        "X-GitHub-Event: star",
        "X-GitHub-Delivery: big-1",
        f"X-Hub-Signature-256: {sign(body, SECRET)}",
    )
    assert await _raw(door, head, chunked) == 202


async def test_a_sender_that_hangs_up_harms_nobody(door: Door, opened: Payload) -> None:
    """A connection that breaks in the middle of a body is forgotten; the next one is served."""
    at = urlsplit(door.url)
    _, writer = await asyncio.open_connection(at.hostname, at.port)
    writer.write(_head("Content-Length: 1000") + b'{"action"')
    await writer.drain()
    writer.close()
    await writer.wait_closed()
    assert (await door.knock(opened)).status_code == 202
    assert list(door.inbox.stored) == ["guid-1"]


async def test_a_sender_that_dawdles_is_given_up() -> None:
    """A body that does not end in time is refused, so that nobody can hold memory for long."""

    async def receive() -> Message:
        await asyncio.Event().wait()
        raise AssertionError

    request = Request({"type": "http", "method": "POST", "path": PATH, "headers": []}, receive)
    with pytest.raises(BadBody, match="did not arrive"):
        await read_limited(request, patience=0.01)


async def test_failure_to_store_is_not_acknowledged(
    door: Door, opened: Payload, caplog: pytest.LogCaptureFixture
) -> None:
    """When the queue fails GitHub sees 503, and the log names the delivery, not the payload."""
    opened["issue"]["title"] = "only between us"
    door.inbox.broken = OSError("INSERT ... only between us")
    answer = await door.knock(opened, guid="guid-broken")
    assert answer.status_code == 503
    assert answer.json()["delivery"] == "guid-broken"
    assert "redeliver" in answer.json()["message"]
    assert "guid-broken" in caplog.text
    assert "OSError" in caplog.text
    assert "only between us" not in caplog.text + answer.text
    door.inbox.broken = None
    assert (await door.knock(opened, guid="guid-broken")).json()["status"] == "accepted"


async def test_every_delivery_leaves_one_line(
    door: Door, opened: Payload, caplog: pytest.LogCaptureFixture
) -> None:
    """Each delivery is logged once with its GUID, refused or not, and never with its payload."""
    caplog.set_level(logging.INFO, "webhooks")
    opened["issue"]["title"] = "only between us"
    await door.knock(opened, guid="guid-good")
    await door.knock(opened, "star", guid="guid-star")
    await door.knock(json.dumps(opened).encode()[:-1], guid="guid-json")
    await door.knock(opened | {"repository": "only between us"}, guid="guid-shape")
    await door.knock(opened, guid="guid-forged", x_hub_signature_256="sha256=00")
    lines = [r.getMessage() for r in caplog.records if r.name.startswith("webhooks")]
    assert [line.split()[1].rstrip(":") for line in lines] == [
        "guid-good",
        "guid-star",
        "guid-json",
        "guid-shape",
        "guid-forged",
    ]
    assert "only between us" not in caplog.text
