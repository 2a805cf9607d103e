"""A household for the scheduler's tests: a pretended node, a real database, a clock that jumps."""

import asyncio
import contextlib
import functools
import tempfile
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from bot.demo.loaded_models import keep_alive_seconds
from shared.domain import Role
from shared.errors import ModelMissing, ModelUnavailable
from shared.profiles import ModelSpec, Node, Profile
from shared.scheduler import Lease, OllamaControl, Policy, Priority, Proof, Scheduler, SwitchPlan
from shared.scheduler.scheduler import Controls
from shared.scheduler.state import Loaded
from shared.store import Store
from shared.store.address import open_engine, sqlite_url
from tests.ollama_double.clock import VirtualClock
from tests.ollama_double.node import Failure, Machine, OllamaNode, Vanished
from tests.ollama_double.server import OllamaDouble

SMALL = ModelSpec(name="small:7b", node="mini", size_gb=5, num_ctx=8192, keep_alive="2h")
CODER = ModelSpec(name="coder:30b", node="mini", size_gb=20, num_ctx=8192, keep_alive="2h")
REVIEWER = ModelSpec(name="reviewer:14b", node="mini", size_gb=10, num_ctx=8192, keep_alive="2h")
PLANNER = ModelSpec(name="planner:80b", node="mini", size_gb=52, num_ctx=8192, keep_alive=0)
TINY = ModelSpec(name="tiny:3b", node="mini", size_gb=3, num_ctx=8192)
MODELS = (SMALL, CODER, REVIEWER, PLANNER)
BUDGET = 56.0
# The machine has room for everything, so that it is the scheduler which keeps to the budget.
ROOMY = Machine(memory_gb=200, max_loaded=9)


def household(url: str = "http://127.0.0.1:9", models: tuple[ModelSpec, ...] = MODELS) -> Profile:
    """Return a profile of one node with a planner that needs it for itself."""
    roles = {
        Role.ROUTER: SMALL,
        Role.PLANNER: PLANNER,
        Role.CODER: CODER,
        Role.REVIEWER: REVIEWER,
        Role.TESTER: REVIEWER,
        Role.DOCUMENTER: SMALL,
    }
    return Profile(
        name="test",
        nodes=(Node(name="mini", url=url, memory_gb=BUDGET),),
        models=models,
        roles={role: model.name for role, model in roles.items()},
    )


class DirectControl:
    """A pretended node, without HTTP between."""

    def __init__(self, node: OllamaNode) -> None:
        self._node = node

    async def running(self) -> tuple[Loaded, ...]:
        """Return what is loaded."""
        with told():
            return tuple(
                Loaded(r.spec.name, r.gb, r.context, expires=str(r.expires_at))
                for r in self._node.running()
            )

    async def unload(self, model: str) -> None:
        """Ask for an unload."""
        with told():
            self._node.unload(model)

    async def load(self, model: ModelSpec) -> None:
        """Load a model."""
        with told():
            runner = await self._node.take(model.name, context=model.num_ctx, keep_alive=1800.0)
            await self._node.give_back(runner)


@contextlib.contextmanager
def told() -> Iterator[None]:
    """Turn the node's failures into Baton's errors, as the client does."""
    try:
        yield
    except Vanished as error:
        raise ModelUnavailable("The node does not answer.") from error
    except Failure as error:
        raise (ModelMissing if error.status == 404 else ModelUnavailable)(str(error)) from error


@dataclass
class House:
    """A node, a database, and what was seen of the leases on them."""

    clock: VirtualClock
    node: OllamaNode
    store: Store
    profile: Profile
    controls: Controls
    held: Counter[str] = field(default_factory=Counter)
    faults: list[str] = field(default_factory=list)
    switches: list[SwitchPlan] = field(default_factory=list)
    proofs: list[tuple[SwitchPlan, Proof]] = field(default_factory=list)
    order: list[str] = field(default_factory=list)
    peak_gb: float = 0.0

    def scheduler(self, holder: str = "gateway", policy: Policy | None = None) -> Scheduler:
        """Return a scheduler, as each process has one."""

        async def before(switch: SwitchPlan) -> None:
            self.begin(switch)
            if switch.leaving:
                self.switches.append(switch)
            for model in switch.outgoing:
                if any(loaded.spec.name == model for loaded in self.node.loaded.values()):
                    continue
                self.faults.append(f"{model} had gone before its snapshot")

        async def after(switch: SwitchPlan, proof: Proof) -> None:
            self.proofs.append((switch, proof))

        return Scheduler(
            self.store.leases,
            self.profile,
            clock=self.clock,
            sleep=self.clock.sleep,
            before_switch=before,
            after_switch=after,
            holder=holder,
            policy=policy,
            controls=self.controls,
        )

    @contextlib.asynccontextmanager
    async def running(
        self, holder: str = "gateway", policy: Policy | None = None
    ) -> AsyncIterator[Scheduler]:
        """Run a scheduler beside the test."""
        scheduler = self.scheduler(holder, policy)
        background = asyncio.create_task(scheduler.run())
        try:
            yield scheduler
        finally:
            await scheduler.aclose()
            background.cancel()
            await asyncio.gather(background, return_exceptions=True)

    async def work(
        self,
        scheduler: Scheduler,
        model: ModelSpec,
        job: str,
        seconds: float = 30.0,
        priority: Priority = Priority.BATCH,
        *,
        unload_after: bool = False,
    ) -> float:
        """Use a model for a while; return the seconds that were waited for it."""
        role = next(r for r, name in self.profile.roles.items() if name == model.name)
        async with scheduler.lease(
            model, job=job, role=role, priority=priority, unload_after=unload_after
        ) as lease:
            self.order.append(job)
            self.held[lease.model.name] += 1
            try:
                await self._use(lease, seconds)
            finally:
                self.held[lease.model.name] -= 1
        return lease.waited_seconds

    async def _use(self, lease: Lease, seconds: float) -> None:
        """Do as a call to the node does: it loads what is not there."""
        with told():
            keep_alive = keep_alive_seconds(lease.model.keep_alive)
            runner = await self.node.take(
                lease.model.name, context=lease.model.num_ctx, keep_alive=keep_alive
            )
            self.measure()
            gone = asyncio.create_task(self.node.gone.wait())
            working = asyncio.ensure_future(self.clock.sleep(seconds))
            try:
                await asyncio.wait({gone, working}, return_when=asyncio.FIRST_COMPLETED)
                if not working.done():
                    raise Vanished
            finally:
                gone.cancel()
                working.cancel()
                await self.node.give_back(runner)

    def measure(self) -> None:
        """Note how full the node is."""
        self.peak_gb = max(self.peak_gb, self.node.used_gb, self.node.peak_gb)
        if self.peak_gb > BUDGET + 1e-6:
            self.faults.append(f"{self.peak_gb} GB are loaded")

    def begin(self, switch: SwitchPlan) -> None:
        """Note a switch that is begun while what leaves is in use; the node itself would wait."""
        for model in switch.outgoing:
            if self.held[model]:
                self.faults.append(f"{model} was to leave while leased")

    def watch(self, model: str) -> None:
        """Note an unload of a model that somebody holds."""
        if self.held[model]:
            self.faults.append(f"{model} was unloaded while leased")


@functools.cache
def _empty() -> bytes:
    """Return a database without rows, so that not each test has to make the schema anew."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "baton.db"
        Store.open(path)
        return path.read_bytes()


def open_store(folder: Path) -> Store:
    """Open the house's database, made if it is not there; its schema is known to be the present."""
    path = folder / "baton.db"
    if not path.exists():
        path.write_bytes(_empty())
    return Store(open_engine(sqlite_url(path)))


@contextlib.asynccontextmanager
async def house(
    clock: VirtualClock,
    folder: Path,
    machine: Machine = ROOMY,
    models: tuple[ModelSpec, ...] = MODELS,
) -> AsyncIterator[House]:
    """Open a house whose scheduler talks to its node directly."""
    store = open_store(folder)
    try:
        async with OllamaNode(clock, models, machine) as node:
            profile = household(models=models)
            home = House(clock, node, store, profile, lambda *_: DirectControl(node))
            node.on_unload = home.watch
            yield home
            home.measure()
    finally:
        await store.close()


@contextlib.asynccontextmanager
async def house_over_http(
    clock: VirtualClock, folder: Path, machine: Machine = ROOMY
) -> AsyncIterator[tuple[House, OllamaDouble]]:
    """Open a house whose scheduler talks to its node by the real client over HTTP."""
    store = open_store(folder)
    try:
        async with OllamaDouble(OllamaNode(clock, MODELS, machine)) as double:
            profile = household(double.url)
            home = House(clock, double.node, store, profile, OllamaControl)
            double.node.on_unload = home.watch
            yield home, double
            home.measure()
    finally:
        await store.close()
