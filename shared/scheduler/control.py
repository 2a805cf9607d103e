"""What the scheduler does to a node: look, load, unload."""

from collections.abc import Sequence
from typing import Protocol

from shared.ollama.client import connect, told_plainly
from shared.profiles import ModelSpec, Node
from shared.scheduler.state import Loaded

_LOOK_SECONDS = 10.0
_GB = 1e9
# A model that leaves after its work is kept for the work's duration, or each call would reload it.
_WORK_KEEP_ALIVE = "30m"


class NodeControl(Protocol):
    """A node's memory. All methods raise ModelError when the node refuses or does not answer."""

    async def running(self) -> tuple[Loaded, ...]:
        """Return what is loaded, by the profile's names where they are known."""
        ...

    async def unload(self, model: str) -> None:
        """Ask for an unload; that it was heard is no proof."""
        ...

    async def load(self, model: ModelSpec) -> None:
        """Load a model as its callers will use it."""
        ...


class OllamaControl:
    """The memory of an Ollama node."""

    def __init__(self, node: Node, models: Sequence[ModelSpec]) -> None:
        self._node = node
        self._names = {_tagged(model.name): model.name for model in models}

    async def running(self) -> tuple[Loaded, ...]:
        """Return what ``/api/ps`` shows."""
        with told_plainly(self._node):
            async with connect(self._node, read_seconds=_LOOK_SECONDS) as client:
                shown = (await client.ps()).models
        return tuple(
            Loaded(
                name=self._names.get(_tagged(model.name or ""), model.name or ""),
                gb=(model.size or 0) / _GB,
                context=model.context_length,
                expires=model.expires_at.isoformat() if model.expires_at else "",
            )
            for model in shown
        )

    async def unload(self, model: str) -> None:
        """Send an empty request with ``keep_alive: 0``."""
        with told_plainly(self._node, model):
            async with connect(self._node, read_seconds=_LOOK_SECONDS) as client:
                await client.generate(model, keep_alive=0)

    async def load(self, model: ModelSpec) -> None:
        """Send an empty request with the options of every caller; it lasts as long as the load."""
        with told_plainly(self._node, model.name):
            async with connect(self._node) as client:
                await client.generate(
                    model.name,
                    options={"num_ctx": model.num_ctx},
                    keep_alive=at_work(model).keep_alive,
                )


def at_work(model: ModelSpec) -> ModelSpec:
    """Return a model with the keep_alive that it has while there is work for it."""
    if model.is_resident:
        return model
    return model.model_copy(update={"keep_alive": _WORK_KEEP_ALIVE})


def _tagged(name: str) -> str:
    return name if ":" in name else f"{name}:latest"
