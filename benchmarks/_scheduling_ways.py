"""The ways to share a household's models that `./dev bench scheduling` compares."""

import asyncio
import contextlib
import tempfile
from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Sequence
from functools import partial
from pathlib import Path

from benchmarks._scheduling_trace import Call, Job
from bot.demo.loaded_models import keep_alive_seconds
from shared.domain import Role
from shared.profiles import ModelSpec, Node, Profile
from shared.scheduler import NodeControl, Policy, Scheduler
from shared.scheduler.control import at_work
from shared.scheduler.state import Loaded
from shared.store import Store
from tests.ollama_double.clock import VirtualClock
from tests.ollama_double.node import Machine, OllamaNode, Runner

Ask = Callable[[Job, Call], contextlib.AbstractAsyncContextManager[None]]


class Household:
    """The pretended nodes of a profile."""

    def __init__(self, clock: VirtualClock, profile: Profile, *, roomy: bool) -> None:
        self.clock = clock
        self.profile = profile
        self.nodes = {
            node.name: OllamaNode(clock, profile.on(node.name), _machine(node, roomy=roomy))
            for node in profile.nodes
        }
        self.policy = Policy(poll_seconds=60)  # no other process has to be watched
        self.leased: dict[str, int] = defaultdict(int)
        self.violations = 0
        for node in self.nodes.values():
            node.on_unload = self._watch

    @contextlib.asynccontextmanager
    async def use(self, model: ModelSpec, *, named: bool = True) -> AsyncIterator[None]:
        """Use a model as a call does: queue, load, and have one of its slots.

        ``named`` tells whether the call names the profile's keep_alive.
        """
        node = self.nodes[model.node]
        keep_alive = keep_alive_seconds(model.keep_alive) if named else None
        runner: Runner = await node.take(model.name, context=model.num_ctx, keep_alive=keep_alive)
        if node.used_gb > self.profile.node(model.node).memory_gb + 1e-6:
            self.violations += 1
        try:
            async with runner.slots:
                yield
        finally:
            await node.give_back(runner)

    def _watch(self, model: str) -> None:
        if self.leased[model]:
            self.violations += 1


def _machine(node: Node, *, roomy: bool) -> Machine:
    # A scheduler that keeps to the budget must not be helped by the node's own evictions.
    return Machine(memory_gb=1000 if roomy else node.memory_gb, max_loaded=9 if roomy else 3)


class Direct:
    """The scheduler's hands on a pretended node."""

    def __init__(self, node: OllamaNode) -> None:
        self._node = node

    async def running(self) -> tuple[Loaded, ...]:
        """Return what is loaded."""
        return tuple(
            Loaded(r.spec.name, r.gb, r.context, str(r.expires_at)) for r in self._node.running()
        )

    async def unload(self, model: str) -> None:
        """Ask for an unload."""
        self._node.unload(model)

    async def load(self, model: ModelSpec) -> None:
        """Load a model."""
        keep_alive = keep_alive_seconds(at_work(model).keep_alive)
        runner = await self._node.take(model.name, context=model.num_ctx, keep_alive=keep_alive)
        await self._node.give_back(runner)


@contextlib.asynccontextmanager
async def baton(house: Household) -> AsyncIterator[Ask]:
    """Share by the scheduler."""

    def control(node: Node, _: Sequence[ModelSpec]) -> NodeControl:
        return Direct(house.nodes[node.name])

    with tempfile.TemporaryDirectory() as folder:
        store = Store.open(Path(folder) / "baton.db")
        scheduler = Scheduler(
            store.leases,
            house.profile,
            clock=house.clock,
            sleep=house.clock.sleep,
            controls=control,
            policy=house.policy,
        )
        background = asyncio.create_task(scheduler.run())

        @contextlib.asynccontextmanager
        async def ask(job: Job, call: Call) -> AsyncIterator[None]:
            model = house.profile.model(call.role)
            is_last = call is next(c for c in reversed(job.calls) if c.role is call.role)
            async with scheduler.lease(
                model,
                job=job.name,
                role=call.role,
                priority=job.priority,
                unload_after=is_last and call.role is Role.PLANNER,
            ) as lease:
                house.leased[lease.model.name] += 1
                try:
                    async with house.use(lease.model):
                        yield
                finally:
                    house.leased[lease.model.name] -= 1

        yield ask
        await scheduler.aclose()
        background.cancel()
        await asyncio.gather(background, return_exceptions=True)
        await store.close()


@contextlib.asynccontextmanager
async def ollama(house: Household, *, named: bool = True) -> AsyncIterator[Ask]:
    """Leave everything to Ollama."""

    @contextlib.asynccontextmanager
    async def ask(_: Job, call: Call) -> AsyncIterator[None]:
        async with house.use(house.profile.model(call.role), named=named):
            yield

    yield ask


@contextlib.asynccontextmanager
async def lock(house: Household) -> AsyncIterator[Ask]:
    """Let one call at a time through to each node."""
    locks = {name: asyncio.Lock() for name in house.nodes}

    @contextlib.asynccontextmanager
    async def ask(_: Job, call: Call) -> AsyncIterator[None]:
        model = house.profile.model(call.role)
        async with locks[model.node], house.use(model):
            yield

    yield ask


AS_INSTALLED = "ollama, as installed"
WAYS: dict[str, Callable[[Household], contextlib.AbstractAsyncContextManager[Ask]]] = {
    "baton": baton,
    "ollama": ollama,
    AS_INSTALLED: partial(ollama, named=False),
    "lock": lock,
}
