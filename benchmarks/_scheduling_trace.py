"""Made-up traces of issues and of people's questions, and what came of playing one."""

import itertools
import random
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

from shared.domain import Role
from shared.scheduler import Priority

SEED = 20261121
PERSON_GAP = 900.0
HARD = 0.6  # share of issues that need the planner


class Call(NamedTuple):
    """A use of a model by a role, and the pause after it."""

    role: Role
    seconds: float
    pause: float = 0.0


@dataclass(frozen=True)
class Job:
    """An issue, or a person's question."""

    name: str
    at: float
    calls: tuple[Call, ...]
    priority: Priority = Priority.BATCH

    @property
    def seconds(self) -> float:
        """Return the time it takes without any wait."""
        return sum(call.seconds + call.pause for call in self.calls)


class Wait(NamedTuple):
    """When a call asked for its model, and how long it waited."""

    job: Job
    call: int
    asked: float
    seconds: float


@dataclass
class Outcome:
    """What came out of one trace under one way of sharing."""

    makespan: float = 0.0
    switches: int = 0
    violations: int = 0
    waits: list[Wait] = field(default_factory=list)

    def of(self, priority: Priority) -> list[float]:
        """Return the waits of a class, shortest first."""
        return sorted(w.seconds for w in self.waits if w.job.priority is priority)


def trace(issues: int, gap: float) -> list[Job]:
    """Make up a trace; the same one for the same arguments."""
    rng = random.Random(f"{SEED} {issues} {float(gap)}")  # 300 and 300.0 are the same gap
    jobs, at = [], 0.0
    for number in range(issues):
        at += rng.expovariate(1 / gap)
        jobs.append(Job(f"issue {number}", at, tuple(_calls(rng))))
    person = 0.0
    for number in itertools.count():
        person += rng.expovariate(1 / PERSON_GAP)
        if person > at:
            break
        role = rng.choice((Role.ROUTER, Role.CODER))
        call = Call(role, rng.uniform(5, 25))
        jobs.append(Job(f"person {number}", person, (call,), Priority.INTERACTIVE))
    return jobs


def _calls(rng: random.Random) -> Iterator[Call]:
    def some(role: Role, times: int, seconds: float, pause: float) -> Iterator[Call]:
        for _ in range(times):
            yield Call(role, rng.uniform(0.5, 1.5) * seconds, rng.uniform(0.2, 1.8) * pause)

    yield from some(Role.ROUTER, 1, 6, 0)
    if rng.random() < HARD:
        yield from some(Role.PLANNER, rng.choice((1, 1, 2)), 90, 0)
    yield from some(Role.TESTER, 3, 25, 8)
    yield from some(Role.CODER, rng.randint(3, 8), 30, 10)
    yield from some(Role.REVIEWER, rng.randint(1, 2), 30, 0)
    yield from some(Role.DOCUMENTER, 1, 15, 0)
