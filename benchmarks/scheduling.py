"""How well the scheduler shares the models of a household, compared with doing without it.

Traces of issues (router, planner for the harder ones, tester, coder, reviewer, documenter, with the
pauses in which commands run) and of people who ask in between are played against pretended nodes
with Ollama's rules for memory (tests/ollama_double) on a clock that jumps:

- baton: the scheduler on its database;
- ollama: every call goes straight to Ollama, which queues and evicts by itself;
- lock: one lock for each node around every call, first come first served.

What counts as a switch, and what the ratios are against, is said in `_scheduling_bounds.py`. How to
read them:

- `switches_ratio` is against the fewest switches with which no request waits for longer than it did
  (`none later`). The ratio against the looser bound (`by class`) is printed beside.
- On 20 issues the makespan cannot be 0.6 of Ollama's: the last issues arrive so late that the bound
  itself is 0.66 of it. The longer the trace, the more Ollama's own evictions lose.
- No policy that keeps busy models and does not know when people will ask can expect a lower p95 of
  theirs than the `floor`. A short trace has few people and may be luckier.
"""

import argparse
import asyncio
import contextlib
import statistics
import tempfile
import time
from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks._scheduling_bounds import SHARE, UNLOAD, Bounds, bounds_of
from benchmarks._scheduling_trace import Call, Job, Outcome, Wait, trace
from bot.demo.loaded_models import keep_alive_seconds
from shared import profiles
from shared.domain import Role
from shared.profiles import ModelSpec, Node, Profile
from shared.scheduler import NodeControl, Policy, Priority, Scheduler
from shared.scheduler.control import at_work
from shared.scheduler.state import Loaded
from shared.store import Store
from tests.ollama_double.clock import START, VirtualClock
from tests.ollama_double.node import Machine, OllamaNode, Runner

ISSUES = (20, 60)  # 200 take several minutes
GAP = 300.0  # mean seconds between issues: the busiest model is in use for most of the time
SWITCH = UNLOAD + 52.0  # seconds to unload a model and to load the planner
LEASES = 300


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
    async def use(self, model: ModelSpec) -> AsyncIterator[None]:
        """Use a model as a call does: queue, load, and have one of its slots."""
        node = self.nodes[model.node]
        keep_alive = keep_alive_seconds(model.keep_alive)
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
async def ollama(house: Household) -> AsyncIterator[Ask]:
    """Leave everything to Ollama."""

    @contextlib.asynccontextmanager
    async def ask(_: Job, call: Call) -> AsyncIterator[None]:
        async with house.use(house.profile.model(call.role)):
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


WAYS = {"baton": baton, "ollama": ollama, "lock": lock}


def play(way: str, profile: Profile, jobs: Sequence[Job], patience: float) -> Outcome:
    """Play a trace."""
    clock = VirtualClock()
    house = Household(clock, profile, roomy=way == "baton")
    house.policy = house.policy.model_copy(update={"patience_seconds": patience})
    return clock.run(_play(WAYS[way](house), house, jobs))


async def _play(
    way: contextlib.AbstractAsyncContextManager[Ask], house: Household, jobs: Sequence[Job]
) -> Outcome:
    clock, outcome = house.clock, Outcome()

    async def do(job: Job, ask: Ask) -> None:
        await clock.sleep(job.at)
        for number, call in enumerate(job.calls):
            asked = clock()
            async with ask(job, call):
                began = clock()
                outcome.waits.append(Wait(job, number, asked - START, began - asked))
                await clock.sleep(call.seconds)
            await clock.sleep(call.pause)

    async with contextlib.AsyncExitStack() as stack:
        for node in house.nodes.values():
            await stack.enter_async_context(node)
        ask = await stack.enter_async_context(way)
        await asyncio.gather(*(do(job, ask) for job in jobs))
        outcome.makespan = clock() - START
    outcome.switches = sum(node.switches for node in house.nodes.values())
    outcome.violations = house.violations
    return outcome


def percentile(waits: Sequence[float], share: float) -> float:
    """Return a percentile of sorted waits."""
    return waits[min(len(waits) - 1, int(share * len(waits)))] if waits else 0.0


def row(name: str, way: str, outcome: Outcome, bounds: Bounds) -> str:
    """Return a line of the table."""
    batch, people = outcome.of(Priority.BATCH), outcome.of(Priority.INTERACTIVE)
    return (
        f"| {name} | {way} | {outcome.switches} | {bounds.none_later} | {bounds.by_class} "
        f"| {outcome.makespan / 3600:.2f} | {bounds.makespan / 3600:.2f} "
        f"| {percentile(batch, 0.5):.0f} | {percentile(batch, SHARE):.0f} | {max(batch):.0f} "
        f"| {percentile(people, 0.5):.0f} | {percentile(people, SHARE):.0f} "
        f"| {max(people, default=0):.0f} | {bounds.people:.0f} | {outcome.violations} |"
    )


async def lease_milliseconds(clock: VirtualClock) -> float:
    """Return the median cost of a lease on a loaded model, asked and given back, on SQLite."""
    profile = profiles.load("single-64gb")
    house = Household(clock, profile, roomy=True)
    call = Call(Role.CODER, 0)
    taken = []
    async with house.nodes["mac"], baton(house) as ask:
        for number in range(LEASES):
            began = time.perf_counter()
            async with ask(Job(f"job {number % 8}", 0, (call,)), call):
                pass
            taken.append(time.perf_counter() - began)
    return 1000 * statistics.median(taken)


@dataclass
class Ratios:
    """Baton's ratios, one of each trace."""

    none_later: list[float] = field(default_factory=list)
    by_class: list[float] = field(default_factory=list)
    makespan: list[float] = field(default_factory=list)
    people: list[float] = field(default_factory=list)
    people_floor: list[float] = field(default_factory=list)

    def add(self, ours: Outcome, bounds: Bounds, ollama: Outcome) -> None:
        """Take those of a trace in."""
        slow = percentile(ours.of(Priority.INTERACTIVE), SHARE)
        self.none_later.append(ours.switches / max(1, bounds.none_later))
        self.by_class.append(ours.switches / max(1, bounds.by_class))
        self.makespan.append(ours.makespan / ollama.makespan)
        self.people.append(slow / SWITCH)
        self.people_floor.append(bounds.people / SWITCH)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--issues", type=int, nargs="*", default=ISSUES)
    parser.add_argument("--gap", type=float, default=GAP)
    parser.add_argument("--patience", type=float, default=Policy().patience_seconds)
    options = parser.parse_args()
    print(
        "| trace | way | switches | none later | by class | makespan h | bound | batch wait p50 s "
        "| p95 | longest | people p50 s | p95 | longest | floor of p95 | violations |"
    )
    print("|---|---|" + "---:|" * 13)
    ratios, violations = Ratios(), 0
    for name in ("single-64gb", "distributed"):
        profile = profiles.load(name)
        for issues in options.issues:
            jobs = trace(issues, options.gap)
            outcomes = {way: play(way, profile, jobs, options.patience) for way in WAYS}
            for way, outcome in outcomes.items():
                bounds = bounds_of(profile, jobs, outcome)
                print(row(f"{name}, {issues} issues", way, outcome, bounds), flush=True)
            ours = outcomes["baton"]
            violations += ours.violations
            if name == "single-64gb":
                ratios.add(ours, bounds_of(profile, jobs, ours), outcomes["ollama"])
    clock = VirtualClock()
    tell(ratios, clock.run(lease_milliseconds(clock)), violations)


def tell(ratios: Ratios, lease: float, violations: int) -> None:
    """Print the last lines."""
    print(
        "\nRatios are the worst of the traces on single-64gb, where models have to be switched. "
        "switches_ratio is against the bound\nwith which no request waits for longer than it did; "
        f"against the looser bound by class it is {max(ratios.by_class):.2f}.\n"
        "No policy that does not know when people ask can expect interactive_p95_over_switch to be "
        f"below {max(ratios.people_floor):.2f}.\n"
        f"scheduling: switches_ratio={max(ratios.none_later):.2f} "
        f"makespan_ratio={max(ratios.makespan):.2f} "
        f"interactive_p95_over_switch={max(ratios.people):.2f} lease_ms={lease:.1f} "
        f"violations={violations}"
    )


if __name__ == "__main__":
    main()
