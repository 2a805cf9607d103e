"""What the ways of sharing are held against: bounds computed from the trace.

What counts as a switch, for everybody and in the bounds: a load before which something has left the
memory. What is loaded beside it afterwards, until something leaves again, belongs to it; so the
planner's coming and the residents' return are two switches.

Both bounds on switches are for the requests as they came, and for schedules that know all of them
beforehand and switch and work in no time. A person whom another model may answer meanwhile asks for
no switch. `tests/scheduler/test_bounds.py` tries all schedules of small traces out.

- `none later`: the fewest with which no request waits for longer than it did. Less is possible only
  at the cost of somebody's wait. Each way has its own, as it has its own waits: it tells how many
  switches bought nobody anything, not whether the waits are good. Read it with them.
- `by class`: the fewest with which nobody waits for longer than the longest wait of the same class.
  It is looser, for it lets every job wait for as long as the unluckiest one did. No policy comes
  near that does not know the future, as jobs arrive while others work.

The bound on the makespan is the larger of the longest issue and the busiest models.

The floor of people's p95 is for policies that do not know when people will ask and break nothing
off: a person who asks while the planner answers waits for the rest of that answer and, unless the
planner may answer in place of the model, for a switch. In these traces the planner works for a
quarter of the time, and an answer takes up to 135 seconds. There is no such floor where a small
model that fits beside the planner may answer.
"""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from benchmarks._scheduling_trace import Job, Outcome, Wait
from shared.domain import Role
from shared.profiles import Profile
from shared.scheduler import Priority

UNLOAD = 2.0
SHARE = 0.95


class Bounds(NamedTuple):
    """What a way is held against; switches, and seconds."""

    none_later: int
    by_class: int
    makespan: float
    people: float


def bounds_of(profile: Profile, jobs: Sequence[Job], outcome: Outcome) -> Bounds:
    """Return the bounds of a way."""
    return Bounds(
        fewest_switches(profile, outcome, by_class=False),
        fewest_switches(profile, outcome, by_class=True),
        shortest_makespan(profile, jobs),
        floor_of_people(profile, jobs, outcome.makespan),
    )


def fewest_switches(profile: Profile, outcome: Outcome, *, by_class: bool) -> int:
    """Return a bound for every schedule of these requests that lets nobody wait for longer.

    Longer than it did, or than the longest wait `by_class`: so long is each request's window.
    """
    planner = profile.model(Role.PLANNER)
    if sum(model.memory_gb for model in profile.on(planner.node)) <= _budget(profile, planner.node):
        return 0
    return fewest_changes(list(_windows(profile, planner.node, outcome, by_class=by_class)))


def fewest_changes(windows: "Sequence[Window]") -> int:
    """Return how often the room changes hands so that each window meets what it needs.

    Changing as late as the windows allow serves the most of them before each change, so no schedule
    has fewer changes.
    """
    is_planner, count = False, 0
    while others := [w for w in windows if w.needs_planner is not is_planner]:
        until = min(window.closes for window in others)
        windows = [w for w in windows if w.needs_planner is not is_planner or w.opens > until]
        is_planner, count = not is_planner, count + 1
    return count


class Window(NamedTuple):
    """When a call may begin, and what it needs the room for."""

    opens: float
    closes: float
    needs_planner: bool


def _windows(profile: Profile, node: str, outcome: Outcome, *, by_class: bool) -> Iterator[Window]:
    waits = [w for w in outcome.waits if profile.model(_role(w)).node == node]
    slowest: dict[tuple[Priority, bool], float] = defaultdict(float)
    for wait in waits:
        kind = (wait.job.priority, _role(wait) is Role.PLANNER)
        slowest[kind] = max(slowest[kind], wait.seconds)
    for wait in waits:
        if wait.job.priority is Priority.INTERACTIVE and _others(profile, _role(wait)):
            continue
        kind = (wait.job.priority, _role(wait) is Role.PLANNER)
        patience = slowest[kind] if by_class else wait.seconds
        yield Window(wait.asked, wait.asked + patience, kind[1])


def _role(wait: Wait) -> Role:
    return wait.job.calls[wait.call].role


def _budget(profile: Profile, node: str) -> float:
    return profile.node(node).memory_gb


def _others(profile: Profile, role: Role) -> set[str]:
    """Return what may answer a person while the planner is in: itself, and what fits beside."""
    planner, asked = profile.model(Role.PLANNER), profile.model(role)
    room = _budget(profile, planner.node) - planner.memory_gb
    fitting = {model.name for model in profile.on(planner.node) if model.memory_gb <= room}
    return {planner.name, *fitting} & set(asked.meanwhile)


def shortest_makespan(profile: Profile, jobs: Sequence[Job]) -> float:
    """Return a bound: the longest way of one job, and the work that excludes each other."""
    longest = max(job.at + job.seconds for job in jobs)
    work: dict[str, float] = defaultdict(float)
    for job in jobs:
        for call in job.calls:
            model = profile.model(call.role)
            if job.priority is Priority.BATCH or not model.meanwhile:
                work[model.name] += call.seconds
    planner = profile.model(Role.PLANNER)
    beside = [
        work[model.name]
        for model in profile.on(planner.node)
        if model.name != planner.name
        and model.memory_gb + planner.memory_gb > _budget(profile, planner.node)
    ]
    return max(longest, work[planner.name] + max(beside, default=0.0), *work.values())


def floor_of_people(profile: Profile, jobs: Sequence[Job], makespan: float) -> float:
    """Return the seconds which one in twenty people is expected to wait for longer, at best.

    People ask at random (see PERSON_GAP), so they meet an answer of the planner as often as it is
    at work within the makespan, and anywhere in it. They wait for its rest; those whom it may not
    answer, for a switch to the smallest model, too.
    """
    planner = profile.model(Role.PLANNER)
    asked = {
        call.role for job in jobs if job.priority is Priority.INTERACTIVE for call in job.calls
    }
    others = [_others(profile, role) for role in asked]
    away = [model for role in asked if (model := profile.model(role)).node == planner.node]
    room = _budget(profile, planner.node) - planner.memory_gb
    smallest = min((model.memory_gb for model in away), default=0.0)
    if planner.is_resident or smallest <= room or any(names - {planner.name} for names in others):
        return 0.0
    calls = [call.seconds for job in jobs for call in job.calls if call.role is Role.PLANNER]
    rest = max(calls, default=0.0)
    while rest > 0 and sum(max(0.0, call - rest) for call in calls) < (1 - SHARE) * makespan:
        rest -= 1.0
    switch = 0.0 if any(others) else UNLOAD + min(model.size_gb for model in away)
    return rest + switch if rest > 0 else 0.0
