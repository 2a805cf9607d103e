"""A server that speaks Ollama's API and answers from a recording (see recording.py).

The API's shapes are those of Ollama's docs/api.md: NDJSON streams, loading and unloading by an
empty request, ``/api/ps`` with the loaded models only, errors as ``{"error": ...}``.
"""

import asyncio
import json
import re
import time
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from datetime import UTC, datetime

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, Response, StreamingResponse
from pydantic import BaseModel, Field

from bot.demo.loaded_models import LoadedModels, full_name
from bot.demo.recording import NotRecorded, Recording
from shared.chat import Message, Speaker
from shared.profiles import ModelSpec

VERSION = "0.33.0-recording"
_CHUNK = re.compile(r"\S*\s*")
_TOKEN = re.compile(r"\w+|[^\w\s]")
_PIECES_A_CHUNK = 4
_NDJSON = "application/x-ndjson"


class _Failure(Exception):
    def __init__(self, status: int, error: str) -> None:
        super().__init__(error)
        self.status = status


class _Sent(BaseModel):
    role: Speaker
    content: str = ""


class _Asked(BaseModel):
    """What is read of a chat or generate request; everything else is accepted and ignored."""

    model: str
    messages: list[_Sent] = Field(default_factory=list)
    prompt: str = ""
    stream: bool = True
    format: str | Mapping[str, object] | None = None
    options: Mapping[str, object] = Field(default_factory=dict)
    keep_alive: float | str | None = None
    tools: Sequence[object] = ()


class _Named(BaseModel):
    model: str = ""
    name: str = ""


def create_recorded_model(
    recording: Recording,
    *,
    models: Sequence[ModelSpec],
    pace: float = 0.0,
    load_gb_per_second: float | None = None,
) -> FastAPI:
    """Return the server; ``pace`` is the pause after each chunk of a stream, in seconds.

    With ``load_gb_per_second`` a model takes that long to load, and shows only afterwards.
    """
    app = FastAPI(title="Recorded model", openapi_url=None)
    loaded = LoadedModels(models)
    _report_failures(app)
    _add_reading_routes(app, loaded)

    @app.post("/api/chat")
    async def chat(asked: _Asked) -> Response:
        _known(loaded, asked.model)
        began = time.monotonic_ns()
        await _load(loaded, asked, load_gb_per_second)
        messages = [Message(role=sent.role, content=sent.content) for sent in asked.messages]
        if not messages:
            return _only_loads(loaded, asked, {"message": {"role": "assistant", "content": ""}})
        if asked.tools:  # as Ollama refuses them for a model without
            raise _Failure(400, f"{full_name(asked.model)} does not support tools")
        text = _reply(recording, messages, asked)
        _use(loaded, asked)
        return _answer(asked, text, _usage(messages, text, asked), began, pace)

    @app.post("/api/generate")
    async def generate(asked: _Asked) -> Response:
        _known(loaded, asked.model)
        if asked.prompt:
            raise _Failure(500, "the recording answers /api/chat; /api/generate only loads")
        await _load(loaded, asked, load_gb_per_second)
        return _only_loads(loaded, asked, {"response": ""})

    return app


def _add_reading_routes(app: FastAPI, loaded: LoadedModels) -> None:
    @app.get("/")
    async def root() -> Response:
        return Response("Ollama is running (a recording)", media_type="text/plain")

    @app.get("/api/version")
    async def version() -> dict[str, str]:
        return {"version": VERSION}

    @app.get("/api/tags")
    async def tags() -> dict[str, object]:
        return {"models": loaded.tags()}

    @app.get("/api/ps")
    async def ps() -> dict[str, object]:
        return {"models": loaded.running()}

    @app.post("/api/show")
    async def show(asked: _Named) -> dict[str, object]:
        _known(loaded, asked.model or asked.name)
        return loaded.show(asked.model or asked.name)


def _report_failures(app: FastAPI) -> None:
    @app.exception_handler(_Failure)
    async def failure(_: Request, error: _Failure) -> JSONResponse:
        return JSONResponse({"error": str(error)}, error.status)

    @app.exception_handler(RequestValidationError)
    async def malformed(_: Request, error: RequestValidationError) -> JSONResponse:
        return JSONResponse({"error": str(error.errors()[0]["msg"])}, 400)


def _known(loaded: LoadedModels, name: str) -> None:
    if not loaded.knows(name):
        raise _Failure(404, f"model '{name}' not found")


async def _load(loaded: LoadedModels, asked: _Asked, gb_per_second: float | None) -> None:
    """Take the time that a model needs to come into memory, unless it is there or leaves."""
    if gb_per_second and asked.keep_alive != 0 and not loaded.holds(asked.model):
        await asyncio.sleep(loaded.gb(asked.model) / gb_per_second)


def _use(loaded: LoadedModels, asked: _Asked) -> None:
    try:
        loaded.use(asked.model, asked.keep_alive, _context(asked))
    except ValueError as error:
        raise _Failure(400, str(error)) from error


def _context(asked: _Asked) -> int:
    number = asked.options.get("num_ctx", 4096)
    return number if isinstance(number, int) else 4096


def _reply(recording: Recording, messages: Sequence[Message], asked: _Asked) -> str:
    try:
        text = recording.reply(messages)
    except NotRecorded as error:
        raise _Failure(500, str(error)) from error
    if asked.format:
        try:
            json.loads(text)
        except ValueError as error:
            raise _Failure(
                500, f"a format is asked for, yet the reply is not JSON: {text}"
            ) from error
    return text


def _only_loads(loaded: LoadedModels, asked: _Asked, empty: Mapping[str, object]) -> JSONResponse:
    _use(loaded, asked)
    reason = "load" if loaded.holds(asked.model) else "unload"
    return JSONResponse({**_stamp(asked), **empty, "done": True, "done_reason": reason})


def _answer(
    asked: _Asked, text: str, usage: Mapping[str, object], began: int, pace: float
) -> Response:
    def line(content: str, rest: Mapping[str, object]) -> dict[str, object]:
        message = {"role": "assistant", "content": content}
        return {**_stamp(asked), "message": message, "done": False, **rest}

    async def lines() -> AsyncIterator[str]:
        for chunk in _chunks(text):
            yield json.dumps(line(chunk, {})) + "\n"
            await asyncio.sleep(pace)
        yield json.dumps(line("", {**usage, **_durations(began)})) + "\n"

    if asked.stream:
        return StreamingResponse(lines(), media_type=_NDJSON)
    return JSONResponse(line(text, {**usage, **_durations(began)}))


def _durations(began: int) -> dict[str, int]:
    total = max(2, time.monotonic_ns() - began)
    half = total // 2
    return {
        "total_duration": total,
        "load_duration": 0,
        "prompt_eval_duration": half,
        "eval_duration": total - half,
    }


def _usage(messages: Sequence[Message], text: str, asked: _Asked) -> dict[str, object]:
    counted = sum(_tokens(message.content) for message in messages)
    return {
        "done": True,
        "done_reason": "stop",
        # A real node would have dropped the oldest messages and counted the rest.
        "prompt_eval_count": min(counted, _context(asked)),
        "eval_count": _tokens(text),
    }


def _tokens(text: str) -> int:
    return max(1, len(_TOKEN.findall(text)))


def _chunks(text: str) -> Iterator[str]:
    pieces = _CHUNK.findall(text)
    for first in range(0, len(pieces), _PIECES_A_CHUNK):
        if chunk := "".join(pieces[first : first + _PIECES_A_CHUNK]):
            yield chunk


def _stamp(asked: _Asked) -> dict[str, object]:
    return {"model": full_name(asked.model), "created_at": datetime.now(UTC).isoformat()}
