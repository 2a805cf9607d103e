"""Gemini, through Google's own client."""

import re
from collections.abc import Iterator, Mapping
from time import monotonic
from typing import Any

import httpx2
from google import genai
from google.genai import errors, types

from shared.errors import FrontierBlocked, FrontierEmpty, FrontierUnknown
from shared.frontier.sending import Dialect, Fault, Line, Turned, retry_after, send
from shared.frontier.values import FrontierReply, FrontierRequest, FrontierUsage

# https://ai.google.dev/api/generate-content#FinishReason: those by which a filter ends an answer.
_FILTERED = {
    types.FinishReason.SAFETY,
    types.FinishReason.RECITATION,
    types.FinishReason.LANGUAGE,
    types.FinishReason.BLOCKLIST,
    types.FinishReason.PROHIBITED_CONTENT,
    types.FinishReason.SPII,
    types.FinishReason.ESCALATION,
    types.FinishReason.PUP_LIMITED_DISABLED,
    types.FinishReason.MODEL_ARMOR,
}
_DELAY = re.compile(r"(\d+(?:\.\d+)?)s")


class Gemini:
    """A model of Google's Gemini API."""

    def __init__(self, line: Line) -> None:
        self._line = line

    async def ask(self, request: FrontierRequest) -> FrontierReply:
        """Ask for one answer in JSON, without tools. See Frontier."""

        async def once(client: httpx2.AsyncClient) -> FrontierReply:
            started = monotonic()
            response = await self._connect(client, request.model).aio.models.generate_content(
                model=request.model, contents=request.text, config=_config(request)
            )
            return _read(response, request, monotonic() - started)

        return await send(self._line, _DIALECT, once)

    def _connect(self, client: httpx2.AsyncClient, model: str) -> genai.Client:
        # With a client of ours, Google's neither repeats by itself nor asks the environment where
        # to go and as whom.
        options = types.HttpOptions(
            base_url=self._line.url,
            api_version=_api_version(model),
            timeout=int(self._line.timeout * 1000),
            httpx_async_client=client,
            retry_options=types.HttpRetryOptions(attempts=1),
        )
        key = self._line.key.get_secret_value()
        return genai.Client(vertexai=False, api_key=key, http_options=options)


def _api_version(model: str) -> str:
    """Return where a model is found: previews and aliases are served by the beta version."""
    return "v1beta" if any(word in model for word in ("preview", "exp", "latest")) else "v1"


def _config(request: FrontierRequest) -> types.GenerateContentConfig:
    return types.GenerateContentConfig(
        system_instruction=request.system,
        max_output_tokens=request.max_output_tokens,
        response_mime_type="application/json",
        automatic_function_calling=types.AutomaticFunctionCallingConfig(disable=True),
    )


def _read(
    response: types.GenerateContentResponse, request: FrontierRequest, seconds: float
) -> FrontierReply:
    usage = _usage(response.usage_metadata)
    feedback = response.prompt_feedback
    if feedback and feedback.block_reason:
        raise FrontierBlocked(
            f"Gemini's filter stopped the request ({feedback.block_reason.value}); there is no "
            "advice. Go on without it, or ask in other words with /frontier.",
            usage,
        )
    if not response.candidates:
        if usage is None:
            raise FrontierUnknown(
                "Gemini sent an answer that cannot be read; the call may have been billed. "
                "Check url in [frontier] of the profile."
            )
        raise FrontierEmpty("Gemini gave no answer at all. To ask again takes a new yes.", usage)
    candidate = response.candidates[0]
    if candidate.finish_reason in _FILTERED:
        raise FrontierBlocked(
            f"Gemini's filter stopped the answer ({candidate.finish_reason.value}); there is no "
            "advice. Go on without it, or ask in other words with /frontier.",
            usage,
        )
    is_cut = candidate.finish_reason is types.FinishReason.MAX_TOKENS
    text = "".join(_texts(candidate))
    if not text.strip():
        why = "It used up its limit by thinking; raise max_output_tokens" if is_cut else "Ask again"
        raise FrontierEmpty(f"Gemini's answer is empty. {why}; it takes a new yes.", usage)
    return FrontierReply(
        text=text,
        usage=usage,
        model=response.model_version or request.model,
        cut=is_cut,
        seconds=seconds,
    )


def _texts(candidate: types.Candidate) -> Iterator[str]:
    content = candidate.content
    for part in (content.parts if content else None) or ():
        if part.text and not part.thought:
            yield part.text


def _usage(told: types.GenerateContentResponseUsageMetadata | None) -> FrontierUsage | None:
    if told is None:
        return None
    thinking = told.thoughts_token_count or 0
    return FrontierUsage(
        input_tokens=told.prompt_token_count or 0,
        cached_tokens=told.cached_content_token_count or 0,
        output_tokens=(told.candidates_token_count or 0) + thinking,
        thinking_tokens=thinking,
    )


def _turned(error: Exception) -> Turned | None:
    if not isinstance(error, errors.APIError) or not error.code:
        return None
    details = list(_details(error.details))
    headers = getattr(error.response, "headers", None)
    told = _retry_info(details)
    return Turned(
        status=error.code,
        said=str(error.message or error.status or ""),
        wait=retry_after(headers) if told is None and headers is not None else told,
        fault=_fault(details),
    )


def _details(body: object) -> Iterator[Mapping[str, Any]]:
    """Find the details of google.rpc.Status in an error's body."""
    error = body.get("error", body) if isinstance(body, Mapping) else None
    details = error.get("details") if isinstance(error, Mapping) else None
    for detail in details if isinstance(details, list) else ():
        if isinstance(detail, Mapping):
            yield detail


def _retry_info(details: list[Mapping[str, Any]]) -> float | None:
    for detail in details:
        if found := _DELAY.fullmatch(str(detail.get("retryDelay", ""))):
            return float(found[1])
    return None


def _fault(details: list[Mapping[str, Any]]) -> Fault | None:
    if any(detail.get("reason") == "API_KEY_INVALID" for detail in details):
        return Fault.KEY  # a 400, strangely
    violated = [one for detail in details for one in detail.get("violations") or ()]
    if any("PerDay" in str(one.get("quotaId")) for one in violated if isinstance(one, Mapping)):
        return Fault.BALANCE  # no wait of seconds helps
    return None


_DIALECT = Dialect(errors=(errors.APIError,), turned=_turned)
connect = Gemini
