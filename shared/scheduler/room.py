"""Which models leave so that another one fits. Pure."""

from shared.scheduler.state import AskState, Loaded, State

_ROUNDING = 1e-6


def make_room(state: State, incoming: str) -> tuple[str, ...] | None:
    """Return the models to unload before one is loaded; None if no room can be had now.

    Least wanted first: our own idle models, then others' idle ones, then those in use.
    What others use is left alone.
    """
    present = {loaded.name: loaded for loaded in state.loaded}
    # A lease holds its room also while the node does not show the model.
    occupied = (present.keys() | {ask.model for ask in state.held}) - {incoming}
    needed = sum(map(state.size, occupied)) + _size(state, incoming) - state.budget_gb
    victims: list[str] = []
    if incoming in present:  # with another context than it should have: it is loaded anew
        if not _may_leave(state, present[incoming]):
            return None
        victims.append(incoming)
    order = sorted(
        (m for m in state.loaded if m.name != incoming and _may_leave(state, m)),
        key=lambda m: _worth(state, m),
    )
    for loaded in order:
        if needed <= _ROUNDING:
            break
        victims.append(loaded.name)
        needed -= state.size(loaded.name)
    if needed > _ROUNDING:
        return None
    return tuple(_without_spare(state, victims, needed, incoming))


def _size(state: State, incoming: str) -> float:
    """Return what the model will take, whatever it takes now."""
    return state.specs[incoming].memory_gb


def _without_spare(state: State, victims: list[str], needed: float, incoming: str) -> list[str]:
    """Leave out what need not go after all, the most wanted first."""
    kept = list(victims)
    for name in reversed(victims):
        if name != incoming and needed + state.size(name) <= _ROUNDING:
            needed += state.size(name)
            kept.remove(name)
    return kept


def _may_leave(state: State, loaded: Loaded) -> bool:
    if loaded.ours or any(ask.model == loaded.name for ask in state.held):
        return True
    return state.now - loaded.quiet_since >= state.policy.quiet_seconds


def _worth(state: State, loaded: Loaded) -> tuple[int, float, float]:
    asks = [ask for ask in state.asks if ask.model == loaded.name]
    if any(ask.state is AskState.HELD for ask in asks):
        level = 4
    elif any(ask.state is AskState.WAITING for ask in asks):
        level = 3
    elif state.lingering(loaded.name):
        level = 2
    else:
        level = 0 if loaded.ours else 1
    last = max((ask.ended_at for ask in asks), default=0.0)
    return (level, last, -loaded.gb)
