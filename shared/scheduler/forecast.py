"""What people are told about a node: who works, who waits for what, and for how long. Pure."""

from collections.abc import Mapping

from shared.domain import Role
from shared.profiles import Node, Profile
from shared.scheduler.decide import is_wanted
from shared.scheduler.room import make_room
from shared.scheduler.state import Ask, State
from shared.scheduler.values import LoadedModel, NodeStatus, Reason, RoleStatus, Waiting

_CALL_SECONDS = 60.0  # until the calls of a model have been measured
_UNLOAD_SECONDS = 5.0

Means = Mapping[str, float]


def queue(state: State, means: Means) -> tuple[Waiting, ...]:
    """Return who waits, next first, with the expected seconds."""
    return tuple(
        _waiting(state, means, ask, place) for place, ask in enumerate(state.waiting, start=1)
    )


def _waiting(state: State, means: Means, ask: Ask, place: int) -> Waiting:
    reason, models, seconds = _cause(state, means, ask)
    rank = state.rank(ask)
    ahead = sum(other.model == ask.model and state.rank(other) < rank for other in state.waiting)
    return Waiting(
        job=ask.job,
        role=ask.role,
        model=ask.model,
        node=state.node,
        place=place,
        seconds=seconds + ahead * _call(means, ask.model),
        waited_seconds=max(0.0, state.now - ask.asked_at),
        reason=reason,
        models=models,
    )


def _cause(state: State, means: Means, ask: Ask) -> tuple[Reason, tuple[str, ...], float]:
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
    if not wanted:
        return Reason.LOADING, (ask.model,), switching
    drained = max(_backlog(state, means, model) for model in wanted)
    patience = max(0.0, state.urgent_at(ask) - state.now)
    rest = max(_rest(state, means, model) for model in wanted)
    return Reason.ROOM, wanted, min(drained, patience + rest) + switching


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
    expected = state.specs[model].size_gb / state.policy.load_gb_per_second + _UNLOAD_SECONDS
    return means.get(f"switch:{model}", expected)


def status(profile: Profile, node: Node, state: State, means: Means, seen_at: float) -> NodeStatus:
    """Describe a node."""
    return NodeStatus(
        node=node.name,
        memory_gb=node.memory_gb,
        used_gb=sum(state.size(loaded.name) for loaded in state.loaded),
        seen_at=seen_at,
        loaded=tuple(LoadedModel(name=m.name, gb=m.gb, ours=m.ours) for m in state.loaded),
        roles=tuple(_role(profile, role, state) for role in _roles(profile, node)),
        queue=queue(state, means),
        switch=state.switch,
    )


def _roles(profile: Profile, node: Node) -> list[Role]:
    return [role for role in Role if profile.model(role).node == node.name]


def _role(profile: Profile, role: Role, state: State) -> RoleStatus:
    job = next((ask.job for ask in state.held if ask.role == role), None)
    return RoleStatus(role=role, agent=role.agent, model=profile.roles[role], job=job)
