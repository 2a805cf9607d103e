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
    patience_seconds: Seconds = 600
    """Fairness bound: how long work in the background waits for its model while others use the
    room; counted from when they got it."""
    ageing_seconds: Seconds = 1800
    """After so long, background work is as urgent as a person who waits."""
    linger_seconds: Seconds = 20
    """How long a model is kept for a job that may be back, such as one that runs a command."""
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


class Waiting(Value):
    """A job's place in a node's queue; 1 is next."""

    job: str
    role: str
    model: str
    node: str
    place: int
    seconds: float
    """Expected wait from now on."""
    waited_seconds: float
    reason: Reason
    models: tuple[str, ...]
    """What it waits for: its own model, or those that use the room it needs."""


class LoadedModel(Value):
    """A model in a node's memory; `ours` unless somebody else has loaded it."""

    name: str
    gb: float
    ours: bool


class RoleStatus(Value):
    """What a role is doing: BUSY with a job, or IDLE."""

    role: str
    agent: str
    model: str
    job: str | None

    @property
    def status(self) -> str:
        """Return the word that people see."""
        return "IDLE" if self.job is None else "BUSY"


class NodeStatus(Value):
    """A node as people see it."""

    node: str
    memory_gb: float
    used_gb: float
    seen_at: float
    loaded: tuple[LoadedModel, ...]
    roles: tuple[RoleStatus, ...]
    queue: tuple[Waiting, ...]
    switch: Switch | None
