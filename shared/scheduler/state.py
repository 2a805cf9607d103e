"""What a decision is made from: a node at one moment, as plain values."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from shared.profiles import ModelSpec
from shared.scheduler.values import Policy, Priority, Switch


class AskState(StrEnum):
    """Where a request for a model stands."""

    WAITING = "waiting"
    HELD = "held"
    ENDED = "ended"
    REFUSED = "refused"


@dataclass(frozen=True)
class Ask:
    """A request for a model."""

    id: str
    model: str
    job: str
    priority: Priority = Priority.BATCH
    asked_at: float = 0.0
    state: AskState = AskState.WAITING
    ended_at: float = 0.0
    role: str = ""
    held_at: float = 0.0
    unload_after: bool = False


@dataclass(frozen=True)
class Loaded:
    """A model as ``/api/ps`` shows it, and what was learned by looking again."""

    name: str
    gb: float
    context: int | None = None
    expires: str = ""
    quiet_since: float = 0.0
    ours: bool = False


@dataclass(frozen=True)
class State:
    """A node at one moment; memory in GB, times in seconds."""

    node: str
    now: float
    budget_gb: float
    specs: Mapping[str, ModelSpec]
    loaded: tuple[Loaded, ...] = ()
    asks: tuple[Ask, ...] = ()
    switch: Switch | None = None
    tenure_since: float = 0.0
    policy: Policy = field(default_factory=Policy)
    owed: tuple[str, ...] = ()

    def rank(self, ask: Ask) -> tuple[int, float, str]:
        """Return the place of a request in the order of service; less is sooner."""
        is_old = self.now - ask.asked_at >= self.policy.ageing_seconds
        return (0 if is_old else ask.priority, ask.asked_at, ask.id)

    def urgent_at(self, ask: Ask) -> float:
        """Return when a request may send others' models away."""
        if ask.priority is Priority.INTERACTIVE:
            return ask.asked_at
        return max(ask.asked_at, self.tenure_since) + self.policy.patience_seconds

    def gathers_until(self, model: str) -> float:
        """Return until when a model that does not stay is held back for a second job.

        It is for nobody who is alone, and for no person.
        """
        if self.specs[model].is_resident:
            return 0.0
        waiting = [ask for ask in self.waiting if ask.model == model]
        jobs = {ask.job for ask in waiting}
        if len(jobs) != 1 or any(ask.priority is Priority.INTERACTIVE for ask in waiting):
            return 0.0
        since = min(max(ask.asked_at, self.tenure_since) for ask in waiting)
        others = (self._active_until(ask) for ask in self.asks if ask.job not in jobs)
        return min(since + self.policy.gather_seconds, max(others, default=0.0))

    def _active_until(self, ask: Ask) -> float:
        """Return how long a request shows that its job is at work in the background."""
        if ask.priority is Priority.INTERACTIVE or ask.state is AskState.REFUSED:
            return 0.0
        if ask.state is AskState.ENDED:
            return ask.ended_at + self.policy.active_seconds
        return float("inf")

    @property
    def waiting(self) -> list[Ask]:
        """Return who waits, in the order of service."""
        return sorted((a for a in self.asks if a.state is AskState.WAITING), key=self.rank)

    @property
    def held(self) -> list[Ask]:
        """Return who holds a lease."""
        return [ask for ask in self.asks if ask.state is AskState.HELD]

    def is_usable(self, loaded: Loaded) -> bool:
        """Tell whether a request to a loaded model would not make the node reload it."""
        spec = self.specs.get(loaded.name)
        return spec is not None and loaded.context in {None, spec.num_ctx}

    @property
    def usable(self) -> set[str]:
        """Return the models that can be used now."""
        leaving = self.switch.outgoing if self.switch else ()
        return {m.name for m in self.loaded if self.is_usable(m) and m.name not in leaving}

    def size(self, model: str) -> float:
        """Return what a model takes or would take, in GB."""
        spec = self.specs.get(model)
        needed = spec.memory_gb if spec else 0.0
        return max([needed, *(m.gb for m in self.loaded if m.name == model)])

    def lingering(self, model: str) -> list[Ask]:
        """Return the ended requests whose jobs may be back: they wait for nothing else here."""
        elsewhere = {ask.job for ask in self.asks if ask.state in {AskState.WAITING, AskState.HELD}}
        since = self.now - self.policy.linger_seconds
        return [
            ask
            for ask in self.asks
            if ask.state is AskState.ENDED
            and ask.model == model
            and not ask.unload_after
            and ask.ended_at > since
            and ask.job not in elsewhere
        ]
