"""Anthropic's models, through the client that the extra ``[anthropic]`` brings."""

from collections.abc import Mapping
from time import monotonic

import anthropic
import httpx2
from anthropic.types import Message

from shared.errors import FrontierBlocked, FrontierEmpty
from shared.frontier.sending import Dialect, Line, Turned, retry_after, send
from shared.frontier.values import FrontierReply, FrontierRequest, FrontierUsage


class Claude:
    """A model behind Anthropic's Messages API."""

    def __init__(self, line: Line) -> None:
        self._line = line

    async def ask(self, request: FrontierRequest) -> FrontierReply:
        """Ask for one answer, without tools. See Frontier."""

        async def once(client: httpx2.AsyncClient) -> FrontierReply:
            started = monotonic()
            message = await self._connect(client).messages.create(
                model=request.model,
                system=request.system,
                messages=[{"role": "user", "content": request.text}],
                max_tokens=request.max_output_tokens,
                timeout=self._line.timeout,
            )
            return _read(message, monotonic() - started)

        return await send(self._line, _DIALECT, once)

    def _connect(self, client: httpx2.AsyncClient) -> anthropic.AsyncAnthropic:
        return anthropic.AsyncAnthropic(
            api_key=self._line.key.get_secret_value(),
            base_url=self._line.url,
            max_retries=0,
            http_client=client,
        )


def _read(message: Message, seconds: float) -> FrontierReply:
    usage = _usage(message)
    if message.stop_reason == "refusal":
        raise FrontierBlocked(
            "Anthropic's filter stopped the answer (refusal); there is no advice. Go on without "
            "it, or ask in other words with /frontier.",
            usage,
        )
    is_cut = message.stop_reason in {"max_tokens", "model_context_window_exceeded"}
    text = "".join(block.text for block in message.content if block.type == "text")
    if not text.strip():
        why = "It used up its limit by thinking; raise max_output_tokens" if is_cut else "Ask again"
        raise FrontierEmpty(f"Anthropic's answer is empty. {why}; it takes a new yes.", usage)
    return FrontierReply(text=text, usage=usage, model=message.model, cut=is_cut, seconds=seconds)


def _usage(message: Message) -> FrontierUsage:
    told = message.usage
    cached = told.cache_read_input_tokens or 0
    details = told.output_tokens_details
    return FrontierUsage(
        # Anthropic leaves what touches its cache out of input_tokens.
        input_tokens=told.input_tokens + cached + (told.cache_creation_input_tokens or 0),
        cached_tokens=cached,
        output_tokens=told.output_tokens,
        thinking_tokens=(details.thinking_tokens or 0) if details else 0,
    )


def _turned(error: Exception) -> Turned | None:
    if not isinstance(error, anthropic.APIStatusError):
        return None
    body = error.body if isinstance(error.body, Mapping) else {}
    inner = body.get("error")
    said = inner.get("message") if isinstance(inner, Mapping) else ""
    return Turned(
        status=error.status_code,
        said=str(said or ""),
        wait=retry_after(error.response.headers),
    )


_DIALECT = Dialect(errors=(anthropic.AnthropicError,), turned=_turned)
connect = Claude
