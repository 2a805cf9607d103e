"""Ollama's words for a conversation, and llama-server's; pure functions between the two.

llama-server speaks OpenAI's dialect with a few additions: other sampling options beside the
standard ones, and ``timings`` (milliseconds) in the last event of a stream.
"""

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

Json = dict[str, Any]
_SAMPLING = (
    *("temperature", "top_p", "top_k", "min_p", "seed", "stop"),
    *("repeat_penalty", "presence_penalty", "frequency_penalty"),
)
_NANOSECONDS_PER_MS = 1e6


def to_llama(asked: Json, messages: Sequence[Json]) -> Json:
    """Return the request to llama-server for a conversation asked for in Ollama's form."""
    options = asked.get("options") or {}
    request: Json = {
        "messages": list(messages),
        "stream": True,
        "cache_prompt": True,
        # News of each batch of the prompt: only by writing does llama-server learn that the
        # client has left, and it would read the prompt to its end otherwise.
        "return_progress": True,
        **{name: options[name] for name in _SAMPLING if options.get(name) is not None},
    }
    if options.get("num_predict", -1) >= 0:
        request["max_tokens"] = options["num_predict"]
    if form := _form(asked.get("format")):
        request["response_format"] = form
    return request


def _form(asked: str | Json | None) -> Json | None:
    if not asked:
        return None
    if asked == "json":
        return {"type": "json_object"}
    return {"type": "json_schema", "json_schema": {"name": "answer", "schema": asked}}


def read_event(line: str) -> Json | None:
    """Read a line of llama-server's event stream; None for what holds no event."""
    data = line.removeprefix("data:").strip()
    if data == line.strip() or data == "[DONE]":
        return None
    event: Json = json.loads(data)
    return event


def to_ollama(event: Json, model: str, since: Mapping[str, float]) -> Json | None:
    """Return Ollama's line for an event; None for an event without news.

    ``since`` holds the seconds that the whole request (``total``) and its load (``load``) took.
    """
    if "error" in event:
        return {"error": refusal(event)}
    choice: Json = next(iter(event.get("choices") or ()), {})
    if reason := choice.get("finish_reason"):
        counted = _counted(event.get("timings") or {}, since)
        return line(model, "", done=True, done_reason=reason, **counted)
    text = (choice.get("delta") or {}).get("content")
    return line(model, text, done=False) if text else None


def refusal(answer: Json) -> str:
    """Return the words of an answer that is an error."""
    error = answer.get("error")
    return str(error.get("message", error) if isinstance(error, dict) else error)


def _counted(timings: Mapping[str, float], since: Mapping[str, float]) -> Json:
    """Count as Ollama does: the prompt with its cached part, durations in nanoseconds."""
    return {
        "total_duration": int(since["total"] * 1e9),
        "load_duration": int(since["load"] * 1e9),
        "prompt_eval_count": timings.get("prompt_n", 0) + timings.get("cache_n", 0),
        "prompt_eval_duration": int(timings.get("prompt_ms", 0) * _NANOSECONDS_PER_MS),
        "eval_count": timings.get("predicted_n", 0),
        "eval_duration": int(timings.get("predicted_ms", 0) * _NANOSECONDS_PER_MS),
    }


def line(model: str, text: str, **rest: object) -> Json:
    """Return a line of a reply, for ``/api/chat`` and ``/api/generate`` alike."""
    return {
        "model": model,
        "created_at": datetime.now(UTC).isoformat(),
        "message": {"role": "assistant", "content": text},
        "response": text,
        **rest,
    }


def joined(lines: Sequence[Json]) -> Json:
    """Return the one answer of a request that does not stream."""
    text = "".join(part.get("response", "") for part in lines)
    message = {"role": "assistant", "content": text}
    return {**lines[-1], "message": message, "response": text}
