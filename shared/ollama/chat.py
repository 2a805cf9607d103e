"""One model on an Ollama node, as the agents' Chat."""

from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from contextlib import aclosing
from typing import Any, cast

import ollama

from shared.chat import (
    JsonSchema,
    Message,
    Reply,
    ToolCall,
    ToolReply,
    Usage,
    fewest_tokens,
    likely_tokens,
)
from shared.errors import MalformedReply, ModelError, ModelUnavailable, PromptTruncated
from shared.ollama.client import connect, place, told_plainly
from shared.profiles import ModelSpec, Node

Progress = Callable[[int], None]
_NANOSECONDS = 1e9
_LONGEST_REASON = 200
# No support for tools, a broken call, a broken call in mid-stream (the client's own status).
_MAY_BE_THE_CALL = {400, 500, -1}


class OllamaChat:
    """A Chat whose options are fixed by the profile, so that no call makes the node reload.

    ``on_progress`` hears the number of pieces streamed so far; Ollama sends about a token a piece.
    """

    def __init__(
        self, node: Node, model: ModelSpec, *, on_progress: Progress | None = None
    ) -> None:
        self._node = node
        self._model = model
        self._on_progress = on_progress or (lambda _: None)

    async def complete(
        self, messages: Sequence[Message], *, schema: JsonSchema | None = None
    ) -> Reply:
        """Stream the next turn. Cancelling it closes the stream, which ends the generation.

        Raises ModelMissing, ModelUnavailable, PromptTruncated, or ModelError when the node refuses.
        """
        told = await self._told(messages, self._request(messages, schema))
        return Reply(text=told.text, usage=told.usage, cut=told.cut)

    async def call(self, messages: Sequence[Message], tools: Sequence[JsonSchema]) -> ToolReply:
        """Stream the next turn, in which the model may call tools.

        Raises MalformedReply when the node takes no tools or could not read a call, and what
        `complete` raises.
        """
        request = {**self._request(messages, None), "tools": [dict(tool) for tool in tools]}
        try:
            return await self._told(messages, request)
        except ModelError as error:
            if reason := _about_the_call(error):
                raise MalformedReply(f"The call could not be read: {reason}.") from error
            raise

    async def _told(self, messages: Sequence[Message], request: Mapping[str, Any]) -> ToolReply:
        fewest = fewest_tokens(messages)
        if fewest >= self._model.num_ctx:
            raise PromptTruncated(self._too_long(fewest))
        parts = await self._stream(request)
        last = parts[-1]
        self._refuse_truncated(fewest, last.prompt_eval_count)
        return ToolReply(
            text="".join(part.message.content or "" for part in parts),
            usage=self._usage(messages, last),
            calls=tuple(
                ToolCall(name=call.function.name, arguments=call.function.arguments)
                for part in parts
                for call in part.message.tool_calls or ()
            ),
            cut=last.done_reason == "length",
        )

    def _request(self, messages: Sequence[Message], schema: JsonSchema | None) -> dict[str, Any]:
        return {
            "model": self._model.name,
            "messages": [{"role": m.role.value, "content": m.content} for m in messages],
            "format": dict(schema) if schema is not None else None,
            "options": options(self._model),
            "keep_alive": self._model.keep_alive,
            "think": self._model.think,
            "stream": True,
        }

    async def _stream(self, request: Mapping[str, Any]) -> list[ollama.ChatResponse]:
        """Return the parts of an answer, the last of which says that it is whole."""
        heard: list[ollama.ChatResponse] = []
        async with aclosing(self._parts(request)) as parts:
            async for part in parts:
                heard.append(part)
                if part.done:
                    return heard
                self._on_progress(len(heard))
        raise ModelUnavailable(
            f"{place(self._node)} ended the answer of {self._model.name} too early. "
            "Look at its log."
        )

    async def _parts(self, request: Mapping[str, Any]) -> AsyncGenerator[ollama.ChatResponse, None]:
        with told_plainly(self._node, self._model.name):
            async with (
                connect(self._node) as client,
                aclosing(cast("Any", await client.chat(**request))) as stream,
            ):
                async for part in stream:
                    yield part

    def _refuse_truncated(self, fewest: int, counted: int | None) -> None:
        # Ollama drops the oldest messages without a word; its count of the prompt is the only tell.
        # Older servers leave the count out when the whole prompt was cached.
        if counted is None:
            return
        if counted >= self._model.num_ctx or counted < fewest:
            raise PromptTruncated(self._too_long(max(counted, fewest)))

    def _too_long(self, tokens: int) -> str:
        return (
            f"{place(self._node)} has not read the whole prompt of {self._model.name}: it has at "
            f"least {tokens} tokens, and num_ctx is {self._model.num_ctx}. "
            "Raise num_ctx in the profile, or split the issue."
        )

    def _usage(self, messages: Sequence[Message], last: ollama.ChatResponse) -> Usage:
        counted = last.prompt_eval_count
        return Usage(
            model=self._model.name,
            node=self._node.name,
            prompt_tokens=likely_tokens(messages) if counted is None else counted,
            output_tokens=last.eval_count or 0,
            seconds=(last.total_duration or 0) / _NANOSECONDS,
        )


def _about_the_call(error: ModelError) -> str:
    """Return the node's words when they may be about a tool call, or an empty string.

    Its parsers word their complaints in many ways, and end the answer with an error line or with
    HTTP 500. Where the trouble was another, the question without tools meets it again.
    """
    cause = error.__cause__
    refused = isinstance(cause, ollama.ResponseError) and cause.status_code in _MAY_BE_THE_CALL
    return str(cause)[:_LONGEST_REASON].strip() if refused else ""


def options(model: ModelSpec) -> dict[str, int | float]:
    """Return the options of a model as Ollama names them, unset ones left out."""
    named = {
        "num_ctx": model.num_ctx,
        "num_predict": model.num_predict,
        "temperature": model.temperature,
        "top_p": model.top_p,
        "top_k": model.top_k,
    }
    return {name: value for name, value in named.items() if value is not None}
