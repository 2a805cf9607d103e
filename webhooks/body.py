"""What was sent: the raw body, read with a limit, then parsed."""

import asyncio
from typing import cast

from fastapi import Request
from pydantic_core import from_json
from starlette.requests import ClientDisconnect

from shared.errors import BadBody, BodyTooLarge, WrongContentType

LIMIT = 25 * 1024 * 1024  # bytes; GitHub drops deliveries above 25 MB
PATIENCE = 10.0  # seconds; GitHub gives up on a delivery after ten

_TOO_LARGE = (
    f"The body is longer than {LIMIT // 1024 // 1024} MB, GitHub's own limit for deliveries. "
    "Fetch what is needed from the API instead."
)


async def read_limited(request: Request, *, patience: float = PATIENCE) -> bytes:
    """Read the body without ever holding more than the limit.

    Raises BodyTooLarge before reading when the length is announced, else on the way;
    BadBody when the sender stops in the middle or takes more seconds than ``patience``.
    """
    announced = request.headers.get("content-length", "")
    if announced.isdecimal() and int(announced) > LIMIT:
        raise BodyTooLarge(_TOO_LARGE)
    try:
        async with asyncio.timeout(patience):
            return await _collect(request)
    except TimeoutError:
        raise BadBody(f"The body did not arrive within {patience:.0f} s. Redeliver it.") from None
    except ClientDisconnect:
        raise BadBody("The connection broke before the body was complete. Redeliver it.") from None


async def _collect(request: Request) -> bytes:
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > LIMIT:
            raise BodyTooLarge(_TOO_LARGE)
    return bytes(body)


def parse_object(body: bytes, content_type: str) -> dict[str, object]:
    """Parse a JSON object.

    Raises WrongContentType for a form, BadBody for anything else that is not a JSON object.
    """
    if content_type.partition(";")[0].strip().lower() == "application/x-www-form-urlencoded":
        raise WrongContentType(
            "The body is form-encoded. Set the webhook's content type to application/json "
            "in the App settings."
        )
    try:
        # Stricter than json.loads, in constant stack: no lone surrogates, nesting is bounded.
        parsed = from_json(body, allow_inf_nan=False)
    except ValueError as error:
        raise BadBody(f"The body is not valid JSON: {error}.") from None
    if not isinstance(parsed, dict):
        raise BadBody("The body is JSON, but not an object. Deliveries are JSON objects.")
    return cast("dict[str, object]", parsed)
