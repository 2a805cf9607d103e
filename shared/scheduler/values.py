"""What goes in and out of the scheduler."""

from enum import IntEnum, StrEnum
from typing import Annotated

from pydantic import Field

from shared.domain import Value
from shared.profiles import ModelSpec

Seconds = Annotated[float, Field(gt=0)]


class Priority(IntEnum):
    """Who goes first: a person who waits, then work in the background."""

    INTERACTIVE = 0
    BATCH = 1


class Policy(Value):
    """How patient the scheduler is. The defaults suit models that load in about a minute."""

    parallel: Annotated[int, Field(ge=1)] = 1
    """Leases held on one model at a time; Ollama's OLLAMA_NUM_PARALLEL."""
    patience_seconds: Seconds = 1200
    """Fairness bound: how long work in the background waits for its model while others use the
    room; counted from when they got it."""
    gather_seconds: Annotated[float, Field(ge=0)] = 600
    """How long a model that does not stay is held back for a second job, while others are at work;
    counted like the patience."""
    active_seconds: Seconds = 120
    """How long after its last call a job in the background counts as being at work."""
    ageing_seconds: Seconds = 7200
    """After so long, background work is as urgent as a person who waits."""
    linger_seconds: Seconds = 20
    """How long a model is kept for a job that may be back, such as one that runs a command."""
    recent_seconds: Seconds = 900
    """How long a job that has used a model is told of the model's departure."""
    quiet_seconds: Seconds = 30
    """How long a model that others have loaded shows no use before it counts as idle."""
    fresh_seconds: Seconds = 5
    """How old a look at the node may be."""
    beat_seconds: Seconds = 10
    """How often a holder shows that it lives."""
    expiry_seconds: Seconds = 45
    """After so long without a heartbeat a holder counts as crashed."""
    poll_seconds: Seconds = 2
    """How often what other processes did is looked up while somebody waits."""
    unload_seconds: Seconds = 180
    """How long a switch waits for a model to be gone."""
    load_gb_per_second: Seconds = 1.0
    """Expected speed of loading, until it has been measured."""


class Lease(Value):
    """The right to use a model now; call the node with this `model`, as its keep_alive is set."""

    id: str
    node: str
    model: ModelSpec
    job: str
    role: str
    priority: Priority
    waited_seconds: float


class Switch(Value):
    """A change of what a node has loaded; `jobs` wait for the incoming model."""

    node: str
    incoming: str | None
    outgoing: tuple[str, ...]
    jobs: tuple[str, ...] = ()


class Reason(StrEnum):
    """Why a job waits: for its turn, for its model to be loaded, or for room."""

    TURN = "turn"
    LOADING = "loading"
    ROOM = "room"


class Place(Value):
    """A job's place in a node's queue; position 1 is next."""

    job: str
    role: str
    model: str
    node: str
    position: int
    ahead: int
    """Other jobs that are served before: those at work with what it waits for, and those waiting.
    """
    expected_seconds: float
    """Expected wait from now on."""
    waited_seconds: float
    reason: Reason
    waits_for: tuple[str, ...]
    """Models: its own, or those that use the room it needs."""


class LoadedModel(Value):
    """A model in a node's memory; `ours` unless somebody else has loaded it."""

    name: str
    gb: float
    ours: bool


class SwitchPlan(Value):
    """What a switch does, or would do now; memory in GB, times in expected seconds."""

    node: str
    incoming: str | None
    incoming_gb: float
    leaving: tuple[LoadedModel, ...]
    jobs: tuple[str, ...]
    """Jobs that wait for the incoming model, or have lately used one that leaves."""
    budget_gb: float
    used_gb: float
    used_after_gb: float
    unload_seconds: float
    load_seconds: float
    is_resident: bool = False
    """The model is loaded already; nothing has to be done."""
    has_room: bool = True
    """False while models of others, in use, keep the room that is needed."""

    @property
    def outgoing(self) -> tuple[str, ...]:
        """Return the names of the models that leave."""
        return tuple(model.name for model in self.leaving)

    @property
    def seconds(self) -> float:
        """Return how long it takes, once the models are idle."""
        return self.unload_seconds + self.load_seconds


class Proof(Value):
    """What the node showed after a switch, and how long that took."""

    node: str
    seen_at: float
    seconds: float
    loaded: tuple[LoadedModel, ...]


class Activity(Value):
    """What a role is doing: BUSY with a job, or IDLE; `since` is unknown before its first work."""

    node: str
    model: str
    role: str
    agent: str
    job: str | None
    since: float | None

    @property
    def status(self) -> str:
        """Return the word that people see."""
        return "IDLE" if self.job is None else "BUSY"


class NodeState(Value):
    """Whether a node answers this process; Unix seconds."""

    node: str
    seen_at: float | None = None
    unreachable_since: float | None = None
    reason: str = ""

    @property
    def is_reachable(self) -> bool:
        """Tell whether it answered when it was looked at last; a node counts as there before."""
        return self.unreachable_since is None


class NodeStatus(Value):
    """A node as people see it."""

    node: str
    memory_gb: float
    used_gb: float
    seen_at: float
    loaded: tuple[LoadedModel, ...]
    roles: tuple[Activity, ...]
    queue: tuple[Place, ...]
    switch: Switch | None
