"""The door: POST /webhooks/github checks a delivery, hands it over and acknowledges it."""

import logging
import re
from collections.abc import Mapping

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse
from pydantic import SecretStr

from shared.errors import (
    BadBody,
    BadEvent,
    BadSignature,
    BodyTooLarge,
    DeliveryError,
    WrongContentType,
)
from webhooks.body import parse_object, read_limited
from webhooks.delivery import Accept, Delivery, to_delivery
from webhooks.signature import HEADER, check_signature, require_secret

PATH = "/webhooks/github"

_STATUS: Mapping[type[DeliveryError], int] = {
    BadBody: 400,
    BadSignature: 401,
    BodyTooLarge: 413,
    WrongContentType: 415,
    BadEvent: 422,
}
_GUID = re.compile(r"[A-Za-z0-9-]{1,64}")
_EVENT = re.compile(r"[a-z0-9_]{1,64}")
_log = logging.getLogger(__name__)


def create_router(secret: SecretStr, accept: Accept) -> APIRouter:
    """Build the router; ``accept`` stores a delivery durably before it returns.

    Raises ConfigurationError for a missing or short secret.
    """
    require_secret(secret)
    router = APIRouter()

    async def receive(request: Request) -> JSONResponse:
        """Acknowledge a signed delivery once it is stored."""
        guid = _matching(_GUID, request.headers.get("X-GitHub-Delivery"))
        try:
            delivery, event = await _read(request, guid, secret)
        except DeliveryError as error:
            return _refused(guid, error)
        if delivery is None:
            return _receipt(guid, event, "ignored")
        return await _handed_over(delivery, event, accept)

    # A plain route: what FastAPI would resolve and validate around it costs a third of the whole.
    router.add_route(PATH, receive, methods=["POST"])
    return router


async def _read(
    request: Request, guid: str | None, secret: SecretStr
) -> tuple[Delivery | None, str]:
    """Check in the order size, signature, headers, content, so that strangers cost little."""
    body = await read_limited(request)
    check_signature(body, request.headers.get(HEADER), secret)
    name = _matching(_EVENT, request.headers.get("X-GitHub-Event"))
    if guid is None or name is None:
        missing = "X-GitHub-Delivery" if guid is None else "X-GitHub-Event"
        raise DeliveryError(
            f"The {missing} header is missing or malformed. GitHub always sends it: check that "
            "the proxy in between keeps it."
        )
    payload = parse_object(body, request.headers.get("content-type", ""))
    delivery = to_delivery(guid, name, payload)
    action = payload.get("action")
    known = isinstance(action, str) and _matching(_EVENT, action)
    return delivery, f"{name}.{action}" if known else name


async def _handed_over(delivery: Delivery, event: str, accept: Accept) -> JSONResponse:
    try:
        accepted = await accept(delivery)
    except Exception as error:  # noqa: BLE001  whatever it was, GitHub has to see a failure
        # Only the type: the text of a database error quotes the row, which is the payload.
        _log.error("delivery %s %s: not stored, %s", delivery.guid, event, type(error).__name__)
        message = "The delivery could not be stored. See the log, then redeliver it."
        return _answer(503, {"status": "failed", "delivery": delivery.guid, "message": message})
    return _receipt(delivery.guid, event, accepted.value)


def _receipt(guid: str | None, event: str, status: str) -> JSONResponse:
    _log.info("delivery %s %s: %s", guid, event, status)
    return _answer(202, {"status": status, "delivery": guid, "event": event})


def _refused(guid: str | None, error: DeliveryError) -> JSONResponse:
    code = _STATUS.get(type(error), 400)
    _log.warning("delivery %s: refused with %d, %s", guid, code, error)
    return _answer(code, {"status": "refused", "delivery": guid, "message": str(error)})


def _answer(code: int, content: Mapping[str, str | None]) -> JSONResponse:
    return JSONResponse(dict(content), status_code=code)


def _matching(pattern: re.Pattern[str], value: str | None) -> str | None:
    return value if value is not None and pattern.fullmatch(value) else None
