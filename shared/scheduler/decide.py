"""Who may use a node next, and what it should load for them. Pure: values in, values out.

The rules, in the order in which they apply:

- A request for a loaded model is granted in its turn: people first, then by age.
- A person whose model is not loaded, while others use its room, is answered by what the profile
  names `meanwhile` (`at_hand`); so nothing has to leave for that question.
- What fits beside everything loaded is loaded.
- A model that nobody wants any more makes room at once; for one that does not stay, only when two
  jobs want it, or one has waited for the second for a while.
- A model that is wanted makes room for a request that is urgent: it serves those who were there
  before that request, then it leaves. So the jobs of one large model run together, and nobody
  waits for longer than the fairness bound allows.
- A load of a model that does not stay is given up when a person needs its room: nobody uses it yet.
- Residents that had to leave come back when nobody waits and there is room for them.
- A model with a lease never leaves, and what is loaded never exceeds the budget.
"""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from math import inf

from shared.profiles import ModelSpec
from shared.scheduler.room import make_room
from shared.scheduler.state import Ask, AskState, State
from shared.scheduler.values import Priority, Switch


@dataclass(frozen=True)
class Decision:
    """What to do now, and when to decide again if nothing happens before."""

    grants: tuple[str, ...] = ()
    switch: Switch | None = None
    look_again: float | None = None
    gives_way: bool = False
    """The switch that is going on should load nothing any more."""


@dataclass(frozen=True)
class _Plan:
    outgoing: tuple[str, ...]
    incoming: str | None = None
    ask: Ask | None = None
    is_ready: bool = True


def decide(state: State) -> Decision:
    """Decide for one node."""
    plan = None if state.switch else _plan(state)
    switch = None
    if plan is not None and plan.is_ready:
        jobs = dict.fromkeys(ask.job for ask in state.waiting if ask.model == plan.incoming)
        switch = Switch(
            node=state.node, incoming=plan.incoming, outgoing=plan.outgoing, jobs=tuple(jobs)
        )
    return Decision(tuple(_grants(state, plan)), switch, _look_again(state), _gives_way(state))


def _gives_way(state: State) -> bool:
    """Tell whether a person needs the room that a switch is about to fill with what does not stay.

    Whoever waits for that has not been served yet, and keeps the place; what is old goes on.
    """
    if state.switch is None or state.switch.incoming is None:
        return False
    incoming = state.specs[state.switch.incoming]
    ranks = [state.rank(ask) for ask in state.waiting if ask.model == incoming.name]
    if incoming.is_resident or any(rank[0] == Priority.INTERACTIVE for rank in ranks):
        return False
    staying = {m.name for m in state.loaded} - {*state.switch.outgoing, incoming.name}
    room = state.budget_gb - incoming.memory_gb - sum(map(state.size, staying))
    return any(
        state.size(ask.model) > room
        for ask in state.waiting
        if ask.priority is Priority.INTERACTIVE and ask.model not in {*staying, incoming.name}
    )


def _grants(state: State, plan: _Plan | None) -> Iterable[str]:
    used = Counter(ask.model for ask in state.held)
    usable = state.usable
    for ask in state.waiting:
        if ask.model not in usable or used[ask.model] >= state.policy.parallel:
            continue
        if plan is not None and ask.model in plan.outgoing and not _is_before(state, ask, plan):
            continue
        used[ask.model] += 1
        yield ask.id


def _is_before(state: State, ask: Ask, plan: _Plan) -> bool:
    """Tell whether a request is still served before a planned switch."""
    if plan.is_ready or plan.ask is None:
        return False
    return state.rank(ask) < state.rank(plan.ask)


def _plan(state: State) -> _Plan | None:
    """Choose what to load next: for who is urgent first, then in the order of service."""
    usable = state.usable
    absent = [ask for ask in state.waiting if ask.model not in usable]
    absent.sort(key=lambda ask: (state.urgent_at(ask) > state.now, state.rank(ask)))
    tried: set[str] = set()
    for ask in absent:
        if ask.model in tried:
            continue
        tried.add(ask.model)
        outgoing = make_room(state, ask.model)
        if outgoing is None or (outgoing and state.gathers_until(ask.model) > state.now):
            continue
        plan = _Plan(outgoing, ask.model, ask)
        if not _is_in_use(state, plan):
            return plan
        if state.urgent_at(ask) <= state.now:
            return _when_drained(state, plan)
    return None if absent else _departure(state) or _return(state)


def _is_in_use(state: State, plan: _Plan) -> bool:
    """Tell whether a switch is in somebody's way; waiters for its model are in nobody's."""
    if any(ask.model in plan.outgoing for ask in state.held):
        return True
    return any(is_wanted(state, model) for model in plan.outgoing if model != plan.incoming)


def _when_drained(state: State, plan: _Plan) -> _Plan:
    """Hold a switch back until its models are idle and have served who was there before."""
    assert plan.ask is not None
    rank = state.rank(plan.ask)
    busy = any(ask.model in plan.outgoing for ask in state.held)
    others = set(plan.outgoing) - {plan.incoming}
    before = any(ask.model in others and state.rank(ask) < rank for ask in state.waiting)
    return _Plan(plan.outgoing, plan.incoming, plan.ask, is_ready=not (busy or before))


def _departure(state: State) -> _Plan | None:
    """Let a model leave that is not meant to stay, once its work is done."""
    for loaded in state.loaded:
        spec = state.specs.get(loaded.name)
        if spec is None or spec.is_resident or not loaded.ours:
            continue
        if not is_wanted(state, loaded.name):
            return _Plan((loaded.name,))
    return None


def _return(state: State) -> _Plan | None:
    """Load a resident again that had to leave, as soon as it fits beside everything."""
    present = {loaded.name for loaded in state.loaded}
    for model in state.owed:
        if model in state.specs and model not in present and make_room(state, model) == ():
            return _Plan((), model)
    return None


def at_hand(state: State, model: ModelSpec) -> ModelSpec:
    """Return what answers a person who asks for a model: itself, unless others use its room.

    Then, of what it names meanwhile, the first that is free or fits beside what is loaded; else the
    first that is loaded.
    """
    arrives = state.switch is not None and state.switch.incoming == model.name
    if arrives or model.name in state.usable or _has_idle_room(state, model.name):
        return model
    loaded = [name for name in model.meanwhile if name in state.usable]
    busy = {ask.model for ask in (*state.held, *state.waiting)}
    fitting = {
        name for name in model.meanwhile if not state.switch and make_room(state, name) == ()
    }
    soonest = (name for name in model.meanwhile if name in {*loaded} - busy | fitting)
    return state.specs[next(soonest, next(iter(loaded), model.name))]


def _has_idle_room(state: State, model: str) -> bool:
    """Tell whether a model can be loaded at once, in the way of nobody."""
    outgoing = make_room(state, model)
    idle = outgoing is not None and not any(is_wanted(state, other) for other in outgoing)
    return idle and state.switch is None


def is_wanted(state: State, model: str) -> bool:
    """Tell whether somebody uses a model, waits for it, or may be back in a moment."""
    current = {AskState.WAITING, AskState.HELD}
    if any(ask.model == model and ask.state in current for ask in state.asks):
        return True
    return bool(state.lingering(model))


def _look_again(state: State) -> float | None:
    """Return the next moment at which time alone changes the decision."""
    usable = state.usable
    absent = [ask for ask in state.waiting if ask.model not in usable]
    times = [state.urgent_at(ask) for ask in absent]
    times += [state.gathers_until(ask.model) for ask in absent]
    times += [ask.asked_at + state.policy.ageing_seconds for ask in absent]
    if absent:
        times += [m.quiet_since + state.policy.quiet_seconds for m in state.loaded if not m.ours]
    times += [
        ask.ended_at + state.policy.linger_seconds
        for ask in state.asks
        if ask.state is AskState.ENDED
    ]
    return min((time for time in times if state.now < time < inf), default=None)
