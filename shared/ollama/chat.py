"""One model on an Ollama node, as the agents' Chat."""

from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from contextlib import aclosing
from typing import Any, cast

import ollama

from shared.chat import JsonSchema, Message, Reply, Usage, fewest_tokens, likely_tokens
from shared.errors import ModelUnavailable, PromptTruncated
from shared.ollama.client import connect, place, told_plainly
from shared.profiles import ModelSpec, Node

Progress = Callable[[int], None]
_NANOSECONDS = 1e9


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
        fewest = fewest_tokens(messages)
        if fewest >= self._model.num_ctx:
            raise PromptTruncated(self._too_long(fewest))
        text, last = await self._stream(self._request(messages, schema))
        self._refuse_truncated(fewest, last.prompt_eval_count)
        return Reply(text=text, usage=self._usage(messages, last), cut=last.done_reason == "length")

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

    async def _stream(self, request: Mapping[str, Any]) -> tuple[str, ollama.ChatResponse]:
        pieces: list[str] = []
        async with aclosing(self._parts(request)) as parts:
            async for part in parts:
                pieces.append(part.message.content or "")
                if part.done:
                    return "".join(pieces), part
                self._on_progress(len(pieces))
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
