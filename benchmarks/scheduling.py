"""How well the scheduler shares the models of a household, compared with doing without it.

Traces of issues (router, planner for the harder ones, tester, coder, reviewer, documenter, with the
pauses in which commands run) and of people who ask in between are played against pretended nodes
with Ollama's rules for memory (tests/ollama_double) on a clock that jumps:

- baton: the scheduler on its database;
- ollama: every call goes straight to Ollama, which queues and evicts by itself;
- ollama, as installed: the same, and no call names a keep_alive, so that no eviction is lost;
- lock: one lock for each node around every call, first come first served.

Each trace has so many issues, one in five minutes on the average and six in ten of them hard, and
people who ask one question in a quarter of an hour. What counts as a switch, and the bounds, are
described in `_scheduling_bounds.py`; the ways are in `_scheduling_ways.py`. The last line takes all
traces of single-64gb together, where models have to be switched, whatever their length; the lines
before it say how each did:

- `switches_ratio`: all switches by the sum of the bounds with which no request waits for longer
  than it did (`none later`).
- `makespan_ratio`: the sum of the makespans by that of Ollama's own, on each trace the better of
  the two ways of asking it; the line of the trace tells the least that there can be.
- `interactive_p95_over_switch`: of all people's waits. A single short trace has a dozen.
"""

import argparse
import asyncio
import contextlib
import statistics
import time
from collections.abc import Sequence
from dataclasses import dataclass, field

from benchmarks._scheduling_bounds import SHARE, UNLOAD, Bounds, bounds_of
from benchmarks._scheduling_trace import Call, Job, Outcome, Wait, trace
from benchmarks._scheduling_ways import AS_INSTALLED, WAYS, Ask, Household, baton
from shared import profiles
from shared.domain import Role
from shared.profiles import Profile
from shared.scheduler import Policy, Priority
from tests.ollama_double.clock import START, VirtualClock

ISSUES = {"single-64gb": (20, 60, 200), "distributed": (20, 60)}  # no switches there
GAP = 300.0  # mean seconds between issues: the busiest model is in use for most of the time
SWITCH = UNLOAD + 52.0  # seconds to unload a model and to load the planner
LEASES = 300


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
class Sum:
    """Baton's traces taken together, and a line on each."""

    switches: int = 0
    none_later: int = 0
    by_class: int = 0
    makespan: float = 0.0
    by_ollama: float = 0.0
    people: list[float] = field(default_factory=list)
    lines: list[str] = field(default_factory=list)

    def add(self, name: str, ours: Outcome, bounds: Bounds, ollama: Outcome) -> None:
        """Take a trace in. Raises ValueError when fewer switches were made than are possible."""
        if ours.switches < bounds.none_later:
            raise ValueError(f"{name}: {ours.switches} switches are fewer than {bounds.none_later}")
        people = ours.of(Priority.INTERACTIVE)
        self.switches += ours.switches
        self.none_later += bounds.none_later
        self.by_class += bounds.by_class
        self.makespan += ours.makespan
        self.by_ollama += ollama.makespan
        self.people = sorted([*self.people, *people])
        self.lines.append(
            f"{name}: switches {ours.switches / max(1, bounds.none_later):.2f} "
            f"({ours.switches / max(1, bounds.by_class):.2f} by class), "
            f"makespan {ours.makespan / ollama.makespan:.2f} "
            f"(bound {bounds.makespan / ollama.makespan:.2f}), "
            f"p95 of {len(people)} people {percentile(people, SHARE) / SWITCH:.2f} "
            f"(floor {bounds.people / SWITCH:.2f})"
        )

    def told(self) -> str:
        """Return the ratios of all together."""
        return (
            f"switches_ratio={self.switches / max(1, self.none_later):.2f} "
            f"makespan_ratio={self.makespan / self.by_ollama:.2f} "
            f"interactive_p95_over_switch={percentile(self.people, SHARE) / SWITCH:.2f}"
        )


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="./dev bench scheduling", description=__doc__)
    parser.add_argument("--issues", type=int, nargs="*", help="lengths of the traces")
    parser.add_argument("--gap", type=float, default=GAP)
    parser.add_argument("--patience", type=float, default=Policy().patience_seconds)
    options = parser.parse_args()
    print(
        "| trace | way | switches | none later | by class | makespan h | bound | batch wait p50 s "
        "| p95 | longest | people p50 s | p95 | longest | floor of p95 | violations |"
    )
    print("|---|---|" + "---:|" * 13)
    total, violations = Sum(), 0
    for name, lengths in ISSUES.items():
        profile = profiles.load(name)
        for issues in options.issues or lengths:
            jobs, told = trace(issues, options.gap), f"{name}, {issues} issues"
            outcomes = {}
            for way in WAYS:
                outcome = outcomes[way] = play(way, profile, jobs, options.patience)
                print(row(told, way, outcome, bounds_of(profile, jobs, outcome)), flush=True)
            ours = outcomes["baton"]
            violations += ours.violations
            if name == "single-64gb":
                best = min(outcomes["ollama"], outcomes[AS_INSTALLED], key=lambda o: o.makespan)
                total.add(told, ours, bounds_of(profile, jobs, ours), best)
    clock = VirtualClock()
    lease = clock.run(lease_milliseconds(clock))
    print("\nBaton's ratios, trace by trace, and all together:", *total.lines, sep="\n")
    print(f"scheduling: {total.told()} lease_ms={lease:.1f} violations={violations}")


if __name__ == "__main__":
    main()
