"""OpenAI's models, through the client that the extra ``[openai]`` brings."""

from collections.abc import Mapping
from time import monotonic

import httpx2
import openai
from openai.types.responses import Response

from shared.errors import FrontierBlocked, FrontierEmpty, FrontierUnknown
from shared.frontier.sending import Dialect, Fault, Line, Turned, retry_after, send
from shared.frontier.values import FrontierReply, FrontierRequest, FrontierUsage


class Gpt:
    """A model behind OpenAI's Responses API."""

    def __init__(self, line: Line) -> None:
        self._line = line

    async def ask(self, request: FrontierRequest) -> FrontierReply:
        """Ask for one answer in JSON, without tools, of which OpenAI keeps no copy. See Frontier.

        JSON mode wants the word JSON in the request; the composed questions have it.
        """

        async def once(client: httpx2.AsyncClient) -> FrontierReply:
            started = monotonic()
            response = await self._connect(client).responses.create(
                model=request.model,
                instructions=request.system,
                input=request.text,
                max_output_tokens=request.max_output_tokens,
                text={"format": {"type": "json_object"}},
                store=False,
            )
            return _read(response, monotonic() - started)

        return await send(self._line, _DIALECT, once)

    def _connect(self, client: httpx2.AsyncClient) -> openai.AsyncOpenAI:
        return openai.AsyncOpenAI(
            api_key=self._line.key.get_secret_value(),
            base_url=self._line.url,
            timeout=self._line.timeout,
            max_retries=0,
            http_client=client,
        )


def _read(response: Response, seconds: float) -> FrontierReply:
    usage = _usage(response)
    if response.status not in {"completed", "incomplete"}:
        why = response.error.message if response.error else response.status
        raise FrontierUnknown(
            f"OpenAI ended the call without an answer ({why}); it may have been billed. "
            "To ask again takes a new yes."
        )
    reason = response.incomplete_details.reason if response.incomplete_details else None
    filtered = reason if reason == "content_filter" else _refusal(response)
    if filtered:
        raise FrontierBlocked(
            f"OpenAI's filter stopped the answer ({filtered}); there is no advice. Go on without "
            "it, or ask in other words with /frontier.",
            usage,
        )
    is_cut = reason is not None
    if not response.output_text.strip():
        why = "It used up its limit by thinking; raise max_output_tokens" if is_cut else "Ask again"
        raise FrontierEmpty(f"OpenAI's answer is empty. {why}; it takes a new yes.", usage)
    return FrontierReply(
        text=response.output_text,
        usage=usage,
        model=response.model,
        cut=is_cut,
        seconds=seconds,
    )


def _refusal(response: Response) -> str:
    for item in response.output:
        if item.type == "message":
            for part in item.content:
                if part.type == "refusal":
                    return part.refusal or "refusal"
    return ""


def _usage(response: Response) -> FrontierUsage | None:
    if response.usage is None:
        return None
    # The client does not check that the details are there.
    read, written = response.usage.input_tokens_details, response.usage.output_tokens_details
    return FrontierUsage(
        input_tokens=response.usage.input_tokens,
        cached_tokens=getattr(read, "cached_tokens", 0),
        output_tokens=response.usage.output_tokens,
        thinking_tokens=getattr(written, "reasoning_tokens", 0),
    )


def _turned(error: Exception) -> Turned | None:
    if not isinstance(error, openai.APIStatusError):
        return None
    body = error.body if isinstance(error.body, Mapping) else {}
    return Turned(
        status=error.status_code,
        said=str(body.get("message") or ""),
        wait=retry_after(error.response.headers),
        fault=Fault.BALANCE if error.code == "insufficient_quota" else None,
    )


_DIALECT = Dialect(errors=(openai.OpenAIError,), turned=_turned)
connect = Gpt
