"""The HTTP face of an Ollama node: real streams of NDJSON over what `node` pretends."""

import asyncio
import json
import re
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Self, TypeVar
from urllib.parse import urlsplit

from starlette.applications import Starlette
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, PlainTextResponse, Response, StreamingResponse
from starlette.routing import Route

from bot.demo.loaded_models import digest, full_name, keep_alive_seconds
from bot.serving import listen, serve
from tests.ollama_double.node import Failure, OllamaNode, Runner, Vanished

T = TypeVar("T")
Json = dict[str, Any]
_WORD = re.compile(r"\w+|[^\w\s]")
_CHUNK = re.compile(r"\S+\s*")
_CHUNKS = 8
_GB = 1e9
_NANOSECONDS = 1e9
_CENTURIES = 1e10  # Ollama shows a model that stays for ever as expiring in some centuries


def ok(_: Sequence[Json]) -> str:
    """Reply to every conversation alike."""
    return "ok"


class OllamaDouble:
    """A node that answers at an address; open it as a context."""

    def __init__(self, node: OllamaNode, reply: Callable[[Sequence[Json]], str] = ok) -> None:
        self.node = node
        self.reply = reply
        self.breaks_after: int | None = None
        """After so many chunks the stream ends with an error line."""
        self.url = ""
        self._open = AsyncExitStack()

    async def __aenter__(self) -> Self:
        await self.node.__aenter__()
        self.url = await self._open.enter_async_context(serve(_app(self)))
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.node.__aexit__()
        await self._open.aclose()

    async def vanish(self, *, forgets: bool = False) -> None:
        """Break every connection and refuse new ones."""
        await self.node.vanish(forgets=forgets)
        await self._open.aclose()

    async def come_back(self) -> None:
        """Listen at the same address again."""
        await self.node.come_back()
        port = urlsplit(self.url).port
        await self._open.enter_async_context(serve(_app(self), listen(port or 0)))


@dataclass(frozen=True)
class _Prompt:
    messages: tuple[Json, ...]
    tokens: int


def _app(double: OllamaDouble) -> Starlette:
    node = double.node

    async def chat(request: Request) -> Response:
        asked = await request.json()
        return await _answer(double, request, asked, asked.get("messages") or [])

    async def generate(request: Request) -> Response:
        asked = await request.json()
        prompt = asked.get("prompt")
        messages = [{"role": "user", "content": prompt}] if prompt else []
        return await _answer(double, request, asked, messages)

    async def ps(_: Request) -> Response:
        return JSONResponse({"models": [_shown(node, runner) for runner in node.running()]})

    async def tags(_: Request) -> Response:
        return JSONResponse({"models": [_named(name) for name in node.models]})

    async def version(_: Request) -> Response:
        return JSONResponse({"version": "0.33.0-double"})

    async def root(_: Request) -> Response:
        return PlainTextResponse("Ollama is running")

    return Starlette(
        routes=[
            Route("/", root),
            Route("/api/version", version),
            Route("/api/tags", tags),
            Route("/api/ps", ps),
            Route("/api/chat", chat, methods=["POST"]),
            Route("/api/generate", generate, methods=["POST"]),
        ],
        exception_handlers={Failure: _failed, ClientDisconnect: _left, Vanished: _broken},
    )


async def _failed(_: Request, error: Exception) -> Response:
    assert isinstance(error, Failure)
    return JSONResponse({"error": str(error)}, error.status)


async def _left(_: Request, _error: Exception) -> Response:
    return Response(status_code=499)


async def _broken(_: Request, error: Exception) -> Response:
    """Begin an answer that breaks off."""

    async def nothing() -> AsyncIterator[str]:
        yield ""
        raise error

    return StreamingResponse(nothing())


async def _answer(
    double: OllamaDouble, request: Request, asked: Json, messages: Sequence[Json]
) -> Response:
    node, name = double.node, asked["model"]
    keep_alive = _keep_alive(asked.get("keep_alive"))
    if not messages and keep_alive == 0:
        node.unload(name)
        return JSONResponse(_line(name, "", done=True, done_reason="unload"))
    began = node.clock()
    context = (asked.get("options") or {}).get("num_ctx")
    runner = await _while_connected(
        request, node.take(name, context=context, keep_alive=keep_alive)
    )
    if not messages:
        await node.give_back(runner)
        return JSONResponse(_line(name, "", done=True, done_reason="load"))
    lines = _lines(double, runner, messages, began)
    if asked.get("stream", True):
        return StreamingResponse(
            (json.dumps(line) + "\n" async for line in lines), media_type="application/x-ndjson"
        )
    return JSONResponse(_joined([line async for line in lines]))


async def _while_connected(request: Request, work: Coroutine[Any, Any, T]) -> T:
    """Do work for a client; stop it when the client leaves."""
    task = asyncio.create_task(work)
    left = asyncio.create_task(_leaving(request))
    try:
        await asyncio.wait({task, left}, return_when=asyncio.FIRST_COMPLETED)
        if not task.done():
            raise ClientDisconnect
        return task.result()
    finally:
        task.cancel()
        left.cancel()
        await asyncio.gather(task, left, return_exceptions=True)


async def _leaving(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass


async def _lines(
    double: OllamaDouble, runner: Runner, messages: Sequence[Json], began: float
) -> AsyncIterator[Json]:
    """Stream a reply in chunks, at the pace of the machine."""
    node, name = double.node, runner.spec.name
    loaded = node.clock()
    try:
        prompt = _truncated(messages, runner.context)
        async with runner.slots:
            await _pass(node, prompt.tokens / node.machine.prompt_tokens)
            text = double.reply(prompt.messages)
            words = _CHUNK.findall(text)
            size = max(1, -(-len(words) // _CHUNKS))
            for number, first in enumerate(range(0, len(words), size)):
                if double.breaks_after is not None and number >= double.breaks_after:
                    yield {"error": "an error was encountered while running the model"}
                    return
                chunk = words[first : first + size]
                await _pass(node, len(chunk) / node.machine.output_tokens)
                yield _line(name, "".join(chunk), done=False)
        seconds = (began, loaded, node.clock())
        yield _line(name, "", done=True, done_reason="stop", **_usage(prompt, words, *seconds))
    finally:
        # The client may have left, which cancels this; the model is given back all the same.
        await asyncio.shield(asyncio.create_task(node.give_back(runner)))


async def _pass(node: OllamaNode, seconds: float) -> None:
    """Let time pass, unless the machine goes away meanwhile."""
    working = asyncio.create_task(node.clock.sleep(seconds))
    gone = asyncio.create_task(node.gone.wait())
    try:
        await asyncio.wait({working, gone}, return_when=asyncio.FIRST_COMPLETED)
        if not working.done():
            raise Vanished
    finally:
        working.cancel()
        gone.cancel()


def _truncated(messages: Sequence[Json], context: int) -> _Prompt:
    """Drop the oldest messages, but the system's, without a word; then cut to the context."""
    kept = list(messages)
    while len(kept) > 1 and _tokens(kept) >= context:
        oldest = next((m for m in kept[:-1] if m["role"] != "system"), None)
        if oldest is None:
            break
        kept.remove(oldest)
    return _Prompt(tuple(kept), min(_tokens(kept), context))


def _tokens(messages: Sequence[Json]) -> int:
    return sum(len(_WORD.findall(message["content"])) for message in messages)


def _usage(
    prompt: _Prompt, words: Sequence[str], began: float, loaded: float, ended: float
) -> Mapping[str, int]:
    return {
        "total_duration": int((ended - began) * _NANOSECONDS),
        "load_duration": int((loaded - began) * _NANOSECONDS),
        "prompt_eval_count": prompt.tokens,
        "eval_count": len(words),
        "eval_duration": int((ended - loaded) * _NANOSECONDS),
    }


def _line(name: str, content: str, **rest: object) -> Json:
    return {
        "model": full_name(name),
        "created_at": datetime.now(UTC).isoformat(),
        "message": {"role": "assistant", "content": content},
        "response": content,
        **rest,
    }


def _joined(lines: Sequence[Json]) -> Json:
    text = "".join(line["response"] for line in lines if "response" in line)
    if "error" in lines[-1]:
        raise Failure(500, lines[-1]["error"])
    message = {"role": "assistant", "content": text}
    return {**lines[-1], "message": message, "response": text}


def _named(name: str) -> Json:
    return {"name": name, "model": name, "digest": digest(name)}


def _shown(node: OllamaNode, runner: Runner) -> Json:
    expires = min(runner.expires_at, node.clock() + _CENTURIES)
    size = int(runner.gb * _GB)
    return {
        **_named(full_name(runner.spec.name)),
        "size": size,
        "size_vram": size,
        "context_length": runner.context,
        "expires_at": datetime.fromtimestamp(expires, UTC).isoformat(),
    }


def _keep_alive(value: float | str | None) -> float | None:
    try:
        return None if value is None else keep_alive_seconds(value)
    except ValueError as error:
        raise Failure(400, str(error)) from error
