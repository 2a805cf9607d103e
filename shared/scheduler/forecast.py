"""What people are told about a node: who works, who waits for what, and for how long. Pure."""

from collections.abc import Mapping, Sequence

from shared.domain import Role
from shared.profiles import ModelSpec, Node, Profile
from shared.scheduler.decide import is_wanted
from shared.scheduler.room import make_room
from shared.scheduler.state import Ask, Loaded, State
from shared.scheduler.values import (
    Activity,
    LoadedModel,
    NodeStatus,
    Place,
    Reason,
    Switch,
    SwitchPlan,
)
from shared.store.lease_tables import NodeRow

_CALL_SECONDS = 60.0  # until the calls of a model have been measured
_UNLOAD_SECONDS = 5.0

Means = Mapping[str, float]


def queue(state: State, means: Means) -> tuple[Place, ...]:
    """Return who waits, next first, with the expected seconds."""
    waiting = state.waiting
    return tuple(_place(state, means, waiting, number) for number in range(len(waiting)))


def _place(state: State, means: Means, waiting: Sequence[Ask], number: int) -> Place:
    ask, before = waiting[number], waiting[:number]
    reason, models, seconds = _cause(state, means, ask)
    same = sum(other.model == ask.model for other in before)
    at_work = [held for held in state.held if held.model in models]
    return Place(
        job=ask.job,
        role=ask.role,
        model=ask.model,
        node=state.node,
        position=number + 1,
        ahead=len({other.job for other in (*before, *at_work)} - {ask.job}),
        expected_seconds=seconds + same * _call(means, ask.model),
        waited_seconds=max(0.0, state.now - ask.asked_at),
        reason=reason,
        waits_for=models,
    )


def foresee(state: State, means: Means, model: ModelSpec) -> SwitchPlan:
    """Tell what loading a model would do now."""
    if model.name in state.usable:
        return switch_plan(
            state, means, Switch(node=state.node, incoming=None, outgoing=())
        ).model_copy(
            update={
                "incoming": model.name,
                "incoming_gb": state.size(model.name),
                "is_resident": True,
            }
        )
    outgoing = make_room(state, model.name)
    switch = Switch(node=state.node, incoming=model.name, outgoing=outgoing or ())
    plan = switch_plan(state, means, switch)
    return plan.model_copy(update={"has_room": outgoing is not None})


def switch_plan(state: State, means: Means, switch: Switch) -> SwitchPlan:
    """Describe a switch by what leaves, what comes, whom it touches, and how long it takes."""
    leaving = tuple(m for m in state.loaded if m.name in switch.outgoing)
    touched = {*switch.outgoing, switch.incoming}
    incoming = state.specs[switch.incoming] if switch.incoming else None
    incoming_gb = incoming.memory_gb if incoming else 0.0
    used = sum(state.size(loaded.name) for loaded in state.loaded)
    return SwitchPlan(
        node=state.node,
        incoming=switch.incoming,
        incoming_gb=incoming_gb,
        leaving=tuple(loaded_model(m) for m in leaving),
        jobs=tuple(dict.fromkeys(ask.job for ask in state.asks if ask.model in touched)),
        budget_gb=state.budget_gb,
        used_gb=used,
        used_after_gb=used - sum(state.size(m.name) for m in leaving) + incoming_gb,
        unload_seconds=_UNLOAD_SECONDS if leaving else 0.0,
        load_seconds=_loading(state, means, incoming.name) if incoming else 0.0,
    )


def _cause(state: State, means: Means, ask: Ask) -> tuple[Reason, tuple[str, ...], float]:
    """Return why a request waits, for which models, and how long until its model serves."""
    if ask.model in state.usable:
        return Reason.TURN, (ask.model,), _rest(state, means, ask.model)
    switching = _switching(state, means, ask.model)
    if state.switch is not None and state.switch.incoming == ask.model:
        return Reason.LOADING, (ask.model,), switching
    outgoing = make_room(state, ask.model)
    if outgoing is None:
        in_the_way = tuple(m.name for m in state.loaded if m.name != ask.model)
        return Reason.ROOM, in_the_way, switching + state.policy.quiet_seconds
    wanted = tuple(model for model in outgoing if is_wanted(state, model))
    gathering = _gathering(state, ask) if outgoing else 0.0
    if not wanted and not gathering:
        return Reason.LOADING, (ask.model,), switching
    if not wanted:
        return Reason.ROOM, outgoing, gathering + switching
    drained = max(_backlog(state, means, model) for model in wanted)
    patience = max(0.0, state.urgent_at(ask) - state.now)
    rest = max(_rest(state, means, model) for model in wanted)
    free = max(gathering, min(drained, patience + rest))
    return Reason.ROOM, wanted, free + switching


def _gathering(state: State, ask: Ask) -> float:
    """Return for how long a request's model is held back for a second job."""
    return max(0.0, state.gathers_until(ask.model) - state.now)


def _backlog(state: State, means: Means, model: str) -> float:
    waiting = sum(ask.model == model for ask in state.waiting)
    lingering = state.policy.linger_seconds if state.lingering(model) else 0.0
    return waiting * _call(means, model) + _rest(state, means, model) + lingering


def _rest(state: State, means: Means, model: str) -> float:
    """Return how long the calls at work will still take."""
    mean = _call(means, model)
    return max(
        (max(0.0, mean - (state.now - ask.held_at)) for ask in state.held if ask.model == model),
        default=0.0,
    )


def _call(means: Means, model: str) -> float:
    return means.get(f"call:{model}", _CALL_SECONDS)


def _switching(state: State, means: Means, model: str) -> float:
    return _loading(state, means, model) + _UNLOAD_SECONDS


def _loading(state: State, means: Means, model: str) -> float:
    expected = state.specs[model].size_gb / state.policy.load_gb_per_second
    return means.get(f"load:{model}", expected)


def status(profile: Profile, node: Node, state: State, known: NodeRow) -> NodeStatus:
    """Describe a node."""
    return NodeStatus(
        node=node.name,
        memory_gb=node.memory_gb,
        used_gb=sum(state.size(loaded.name) for loaded in state.loaded),
        seen_at=known.seen_at,
        loaded=tuple(loaded_model(m) for m in state.loaded),
        roles=activity(profile, node, state, known.idle),
        queue=queue(state, known.means),
        switch=state.switch,
    )


def loaded_model(loaded: Loaded) -> LoadedModel:
    """Describe a model in memory."""
    return LoadedModel(name=loaded.name, gb=loaded.gb, ours=loaded.ours)


def activity(
    profile: Profile, node: Node, state: State, idle: Mapping[str, float]
) -> tuple[Activity, ...]:
    """Return what each role on a node does; one that works for several jobs is there for each."""
    roles = [role for role in Role if profile.model(role).node == node.name]
    return tuple(
        Activity(
            node=node.name,
            model=profile.roles[role],
            role=role,
            agent=role.agent,
            job=job,
            since=since,
        )
        for role in roles
        for job, since in _work(state, role) or [(None, idle.get(role))]
    )


def _work(state: State, role: Role) -> list[tuple[str | None, float | None]]:
    return [(ask.job, ask.held_at) for ask in state.held if ask.role == role]
