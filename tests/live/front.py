"""Ollama's API in front of llama-server: as much of it as Baton uses.

Thin on purpose. It differs from Ollama where it says no: a prompt that is longer than the context
is refused instead of cut, and images and native tool calls are not understood.
"""

import contextlib
import json
import time
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import aclosing
from datetime import UTC, datetime
from typing import Any

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response, StreamingResponse
from starlette.routing import Route

from bot.demo.loaded_models import full_name, keep_alive_seconds
from bot.serving import serve
from shared.errors import ModelUnavailable
from tests.live.install import LlamaServer
from tests.live.runners import Runner, Runners
from tests.live.translation import Json, joined, line, read_event, refusal, to_llama, to_ollama

VERSION = "0.33.0-llama-server"  # of Ollama's API as it is spoken here
_CHAT = "/v1/chat/completions"
_CENTURY = 100 * 365 * 86400.0


class Front:
    """A node that answers at `url` as Ollama does; `runners` are the processes behind it."""

    def __init__(self, runners: Runners, url: str) -> None:
        self.runners = runners
        self.url = url


@contextlib.asynccontextmanager
async def live_node(llama: LlamaServer, models: Sequence[str]) -> AsyncIterator[Front]:
    """Answer under some model names with one set of weights, each in a process of its own."""
    runners = Runners(llama, models)
    try:
        async with serve(_app(runners)) as url:
            yield Front(runners, url)
    finally:
        await runners.aclose()


def _app(runners: Runners) -> Starlette:
    async def chat(request: Request) -> Response:
        asked = await request.json()
        return await _answer(runners, asked, asked.get("messages") or [])

    async def generate(request: Request) -> Response:
        asked = await request.json()
        prompt = asked.get("prompt")
        return await _answer(
            runners, asked, [{"role": "user", "content": prompt}] if prompt else []
        )

    async def ps(_: Request) -> Response:
        return JSONResponse({"models": [_shown(runners, r) for r in runners.loaded.values()]})

    async def tags(_: Request) -> Response:
        return JSONResponse({"models": [_held(runners, name) for name in runners.models]})

    async def show(request: Request) -> Response:
        asked = await request.json()
        name = _known(runners, asked.get("model") or asked.get("name") or "")
        async with runners.use(name, None, None) as runner:
            meta = (await runner.ask("/v1/models"))["data"][0]["meta"]
        return JSONResponse(_described(meta))

    async def version(_: Request) -> Response:
        return JSONResponse({"version": VERSION})

    async def root(_: Request) -> Response:
        return PlainTextResponse("Ollama is running")

    return Starlette(
        routes=[
            Route("/", root),
            Route("/api/version", version),
            Route("/api/tags", tags),
            Route("/api/ps", ps),
            Route("/api/show", show, methods=["POST"]),
            Route("/api/chat", chat, methods=["POST"]),
            Route("/api/generate", generate, methods=["POST"]),
        ],
        exception_handlers={HTTPException: _refused, ModelUnavailable: _failed},
    )


async def _refused(_: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    return JSONResponse({"error": error.detail}, error.status_code)


async def _failed(_: Request, error: Exception) -> Response:
    return JSONResponse({"error": str(error)}, 500)


async def _answer(runners: Runners, asked: Json, messages: Sequence[Json]) -> Response:
    name = _known(runners, asked.get("model") or "")
    keep_alive = _keep_alive(asked.get("keep_alive"))
    if not messages and keep_alive == 0:
        runners.unload(name)
        return JSONResponse(line(name, "", done=True, done_reason="unload"))
    context = (asked.get("options") or {}).get("num_ctx")
    if not messages:
        async with runners.use(name, context, keep_alive):
            return JSONResponse(line(name, "", done=True, done_reason="load"))
    lines = _lines(runners, asked, messages, name, keep_alive)
    if asked.get("stream", True):
        return StreamingResponse(_as_text(lines), media_type="application/x-ndjson")
    parts = [part async for part in lines]
    return JSONResponse(joined(parts), 500 if "error" in parts[-1] else 200)


async def _as_text(lines: AsyncGenerator[Json, None]) -> AsyncIterator[str]:
    # A client that leaves cancels this, which closes the request to llama-server and so ends the
    # generation there.
    async with aclosing(lines):
        async for part in lines:
            yield json.dumps(part) + "\n"


async def _lines(
    runners: Runners, asked: Json, messages: Sequence[Json], name: str, keep_alive: float | None
) -> AsyncGenerator[Json, None]:
    began = time.perf_counter()
    context = (asked.get("options") or {}).get("num_ctx")
    async with runners.use(name, context, keep_alive) as runner:
        load = time.perf_counter() - began
        async with runner.client.stream(
            "POST", _CHAT, json=to_llama(asked, messages), timeout=None
        ) as stream:
            if not stream.is_success:
                await stream.aread()
                yield {"error": refusal(stream.json())}
                return
            async for text in stream.aiter_lines():
                since = {"total": time.perf_counter() - began, "load": load}
                event = read_event(text)
                if event and (part := to_ollama(event, name, since)):
                    yield part


def _known(runners: Runners, name: str) -> str:
    if full_name(name) not in runners.models:
        raise HTTPException(404, f"model '{name}' not found")
    return full_name(name)


def _keep_alive(value: float | str | None) -> float | None:
    try:
        return None if value is None else keep_alive_seconds(value)
    except ValueError as error:
        raise HTTPException(400, str(error)) from error


def _held(runners: Runners, name: str) -> Json:
    weights = runners.llama.weights.stat()
    return {
        **_named(runners, name),
        "size": weights.st_size,
        "modified_at": _time(weights.st_mtime),
        "details": {"format": "gguf"},
    }


def _shown(runners: Runners, runner: Runner) -> Json:
    return {
        **_named(runners, runner.model),
        "size": runner.size,
        "size_vram": runner.size,  # memory is one: there is no other card to spill from
        "context_length": runner.context,
        "expires_at": _time(runner.expires_at or time.time() + _CENTURY),
        "details": {"format": "gguf"},
    }


def _named(runners: Runners, name: str) -> Json:
    return {"name": name, "model": name, "digest": runners.digest}


def _described(meta: Any) -> Json:  # noqa: ANN401  llama-server's account of the weights
    return {
        "details": {
            "format": "gguf",
            "parameter_size": f"{meta['n_params'] / 1e6:.0f}M",
            "quantization_level": meta["ftype"],
        },
        "capabilities": ["completion"],
        "model_info": {
            "general.parameter_count": meta["n_params"],
            "general.architecture": "llama",
            "llama.context_length": meta["n_ctx_train"],
            "llama.embedding_length": meta["n_embd"],
        },
    }


def _time(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat()
