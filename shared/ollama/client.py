"""The way to a node: how long to wait for it, and what its failures mean."""

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from urllib.parse import urlsplit

import httpx
import ollama

from shared.errors import ModelError, ModelMissing, ModelUnavailable
from shared.profiles import Node

_CONNECT_SECONDS = 10.0
# A client that leaves aborts the load in progress, and large models load for minutes; so the wait
# for the first byte is longer than any load, and the queue before it.
_READ_SECONDS = 1800.0
_LONGEST_REASON = 500
_NOT_FOUND = 404
_BUSY = 503
_BROKE_OFF = -1  # the client's status for an error line in mid-stream


@asynccontextmanager
async def connect(
    node: Node, *, read_seconds: float = _READ_SECONDS
) -> AsyncIterator[ollama.AsyncClient]:
    """Open a client for a node; leaving the context closes its connections."""
    async with ollama.AsyncClient(
        host=node.url,
        timeout=httpx.Timeout(read_seconds, connect=_CONNECT_SECONDS),
        follow_redirects=False,
        trust_env=False,  # a node is in the house; prompts do not go through a proxy
        auth=_without_key,
        verify=node.url.startswith("https:"),
    ) as client:
        yield client


@contextmanager
def told_plainly(node: Node, model: str = "") -> Iterator[None]:
    """Turn what the client raises into Baton's errors, with what to do next.

    Raises ModelMissing, ModelUnavailable, or ModelError when the node refuses the request.
    """
    try:
        yield
    except ollama.ResponseError as error:
        raise _meaning(node, model, error) from error
    except (ConnectionError, httpx.TransportError) as error:
        raise ModelUnavailable(
            f"{place(node)} does not answer ({_reason(error)}). Is Ollama running there, and "
            "does it listen on that address (OLLAMA_HOST)?"
        ) from error
    except (ValueError, AttributeError, TypeError) as error:
        # The client's own reading fails so on a line that is not of Ollama's form.
        raise ModelUnavailable(
            f"{place(node)} sent something that is not Ollama's. "
            "Check the URL and what answers there."
        ) from error


def missing(node: Node, *models: str) -> str:
    """Say which models a node lacks, and what to type there."""
    lines = "; ".join(f"ollama pull {model}" for model in models)
    return f"{place(node)} does not hold {', '.join(models)}. On that machine, type: {lines}"


def place(node: Node) -> str:
    """Name a node and its address, without anything secret that its URL may hold."""
    parts = urlsplit(node.url)
    port = f":{parts.port}" if parts.port else ""
    return f'Node "{node.name}" ({parts.scheme}://{parts.hostname}{port})'


def _meaning(node: Node, model: str, error: ollama.ResponseError) -> ModelError:
    said = str(error.error)[:_LONGEST_REASON].strip()
    if error.status_code == _NOT_FOUND and model:
        return ModelMissing(missing(node, model))
    if error.status_code == _BUSY:
        return ModelUnavailable(
            f"{place(node)} is busy: {said}. Try again when its queue is shorter."
        )
    if error.status_code == _BROKE_OFF:
        return ModelUnavailable(f"{place(node)} broke off its answer: {said}. Look at its log.")
    if error.status_code >= httpx.codes.INTERNAL_SERVER_ERROR:
        return ModelUnavailable(
            f"{place(node)} failed: {said} (HTTP {error.status_code}). Look at its log; "
            "a model that is too large for the memory fails so."
        )
    return ModelError(
        f"{place(node)} refused the request: {said} (HTTP {error.status_code}). "
        f"Check the options of {model or 'the model'} in the profile."
    )


def _reason(error: Exception) -> str:
    return (
        str(error)
        if isinstance(error, httpx.TransportError) and str(error)
        else type(error).__name__
    )


def _without_key(request: httpx.Request) -> httpx.Request:
    # The client adds OLLAMA_API_KEY, the key for ollama.com, to whatever host it talks to.
    request.headers.pop("Authorization", None)
    return request
