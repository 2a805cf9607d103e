"""What a node holds, asked before it is relied on."""

from collections.abc import Sequence

import httpx

from shared.domain import Value
from shared.errors import ModelUnavailable
from shared.ollama.client import connect, missing, place, told_plainly
from shared.profiles import Node

_SECONDS = 10.0


class ModelCheck(Value):
    """A node that answers: its version, which models it lacks, and what to do about them."""

    node: str
    version: str
    missing: tuple[str, ...] = ()
    advice: str = ""


async def check_models(node: Node, names: Sequence[str]) -> ModelCheck:
    """Ask a node for its version and look whether it holds the models.

    Raises ModelUnavailable when nothing, or something else than Ollama, answers.
    """
    version = await _version(node)
    with told_plainly(node):
        async with connect(node, read_seconds=_SECONDS) as client:
            held = {_tagged(model.model or "") for model in (await client.list()).models}
    lacking = tuple(dict.fromkeys(name for name in names if _tagged(name) not in held))
    advice = missing(node, *lacking) if lacking else ""
    return ModelCheck(node=node.name, version=version, missing=lacking, advice=advice)


async def _version(node: Node) -> str:
    with told_plainly(node):
        async with httpx.AsyncClient(timeout=_SECONDS, trust_env=False) as client:
            answer = await client.get(f"{node.url.rstrip('/')}/api/version")
            if answer.is_success:
                return str(answer.json()["version"])
    raise ModelUnavailable(
        f"{place(node)} answered HTTP {answer.status_code} to a question for its version. "
        "Check that the URL is Ollama's."
    )


def _tagged(name: str) -> str:
    return name if ":" in name else f"{name}:latest"
