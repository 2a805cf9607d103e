"""What a node says about itself, read from Ollama's API in a few small requests."""

import time
from typing import TypeVar

import httpx
from pydantic import BaseModel, ConfigDict

from bot.doctor.clock import ahead
from shared.errors import ModelUnavailable
from shared.ollama.client import place, told_plainly
from shared.profiles import Node

_CONNECT_SECONDS = 3.0
_SAMPLES = 5


class _Read(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")


class Held(_Read):
    """A model on a node's disk; ``size`` in bytes."""

    name: str
    size: int = 0


class Loaded(_Read):
    """A model in a node's memory; sizes in bytes."""

    name: str
    size: int = 0
    size_vram: int = 0
    context_length: int | None = None


class NodeReading(_Read):
    """A node as it is now; ``ahead`` says by how many seconds this clock is ahead of its clock."""

    version: str
    held: tuple[Held, ...] = ()
    loaded: tuple[Loaded, ...] = ()
    ahead: float | None = None


class _Version(_Read):
    version: str


class _Tags(_Read):
    models: tuple[Held, ...]


class _Ps(_Read):
    models: tuple[Loaded, ...]


M = TypeVar("M", bound=BaseModel)


async def read_node(node: Node, seconds: float) -> NodeReading:
    """Ask a node for its version, its models and what is loaded.

    Raises ModelUnavailable when nothing, or something else than Ollama, answers.
    """
    async with _client(node, seconds) as client:
        version, date = await _ask(client, node, "/api/version", _Version)
        tags, _ = await _ask(client, node, "/api/tags", _Tags)
        ps, _ = await _ask(client, node, "/api/ps", _Ps)
    return NodeReading(
        version=version.version, held=tags.models, loaded=ps.models, ahead=ahead(date)
    )


async def read_latency(node: Node, seconds: float) -> tuple[float, ...]:
    """Time tiny requests on one open connection; seconds each. Raises ModelUnavailable."""
    async with _client(node, seconds) as client:
        await _ask(client, node, "/api/version", _Version)
        return tuple([await _timed(client, node) for _ in range(_SAMPLES)])


async def _timed(client: httpx.AsyncClient, node: Node) -> float:
    began = time.perf_counter()
    await _ask(client, node, "/api/version", _Version)
    return time.perf_counter() - began


def _client(node: Node, seconds: float) -> httpx.AsyncClient:
    # A node is in the house: no proxy is asked.
    timeout = httpx.Timeout(seconds, connect=min(seconds, _CONNECT_SECONDS))
    return httpx.AsyncClient(base_url=node.url, timeout=timeout, trust_env=False)


async def _ask(
    client: httpx.AsyncClient, node: Node, path: str, model: type[M]
) -> tuple[M, str | None]:
    with told_plainly(node):
        answer = await client.get(path)
        if answer.is_success:
            return model.model_validate_json(answer.content), answer.headers.get("date")
    raise ModelUnavailable(
        f"{place(node)} answers HTTP {answer.status_code} to {path}. "
        "Check that Ollama is what listens there, and look at its log."
    )
