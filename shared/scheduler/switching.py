"""How a switch is made: unload, wait for the proof, load, prove."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from shared.errors import ModelUnavailable
from shared.ollama.client import place
from shared.profiles import ModelSpec, Node
from shared.scheduler.control import NodeControl
from shared.scheduler.state import Loaded
from shared.scheduler.values import Policy, Switch

_FIRST_LOOK, _LONGEST_PAUSE = 0.02, 0.25
"""Seconds between two looks at what is loaded; each pause is twice as long as the one before."""
# An unload is lost when somebody else uses the model before it is gone; so it is repeated.
_REPEAT_SECONDS = 10.0
_ROUNDING = 1e-6


@dataclass(frozen=True)
class Switched:
    """What the node showed after a switch; the seconds of the load, if there was one."""

    seen: Sequence[Loaded]
    load_seconds: float | None = None


@dataclass(frozen=True)
class Switching:
    """What a switch needs. `guard` raises when the switch is not ours any more.

    Once `gives_way` is set nothing is loaded any more; a load that goes on is broken off.
    """

    node: Node
    control: NodeControl
    policy: Policy
    clock: Callable[[], float]
    sleep: Callable[[float], Awaitable[None]]
    guard: Callable[[], Awaitable[None]]
    gives_way: asyncio.Event

    async def perform(self, switch: Switch, incoming: ModelSpec | None) -> Switched:
        """Make a switch. It ends half-way if others took the room meanwhile, or need it more.

        Raises ModelError when the node refuses, does not answer, or cannot prove it.
        """
        seen = await self._unload(switch.outgoing)
        if incoming is None or not self._fits(incoming, seen):
            return Switched(seen)
        await self.guard()
        began = self.clock()
        if not await self._load(incoming):
            return Switched(await self.control.running())
        seconds = self.clock() - began
        seen = await self.control.running()
        self._prove(incoming, seen)
        return Switched(seen, seconds)

    async def _load(self, incoming: ModelSpec) -> bool:
        """Load a model; tell whether it was, or else made way. A node ends a load that is left."""
        loading = asyncio.ensure_future(self.control.load(incoming))
        yielding = asyncio.ensure_future(self.gives_way.wait())
        try:
            await asyncio.wait({loading, yielding}, return_when=asyncio.FIRST_COMPLETED)
            if loading.done():
                await loading
                return True
        finally:
            loading.cancel()
            yielding.cancel()
            await asyncio.gather(loading, yielding, return_exceptions=True)
        return False

    async def _unload(self, models: Sequence[str]) -> Sequence[Loaded]:
        """Unload models and return what is loaded once they are gone."""
        began, asked_at, pause = self.clock(), float("-inf"), _FIRST_LOOK
        while True:
            seen = await self.control.running()
            left = [loaded.name for loaded in seen if loaded.name in models]
            if not left:
                return seen
            if self.clock() - began > self.policy.unload_seconds:
                raise ModelUnavailable(
                    f"{place(self.node)} still holds {', '.join(left)} after "
                    f"{self.policy.unload_seconds:.0f} s. Somebody else may be using it; "
                    "end that, or type there: ollama stop " + " ".join(left)
                )
            if self.clock() - asked_at >= _REPEAT_SECONDS:
                asked_at = self.clock()
                for model in left:
                    await self.guard()
                    await self.control.unload(model)
            await self.sleep(pause)
            pause = min(2 * pause, _LONGEST_PAUSE)

    def _fits(self, incoming: ModelSpec, seen: Sequence[Loaded]) -> bool:
        used = sum(loaded.gb for loaded in seen if loaded.name != incoming.name)
        return used + incoming.memory_gb <= self.node.memory_gb + _ROUNDING

    def _prove(self, incoming: ModelSpec, seen: Sequence[Loaded]) -> None:
        for loaded in seen:
            if loaded.name == incoming.name and loaded.context in {None, incoming.num_ctx}:
                return
        raise ModelUnavailable(
            f"{place(self.node)} says that it has loaded {incoming.name}, yet its list of running "
            "models does not show it. Look at its log; another program may use the same node."
        )
