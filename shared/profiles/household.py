"""A household: its nodes, the models they hold, who plays which role, and what it may spend.

``docs/profiles.md`` explains the keys, ``docs/profile.schema.json`` is made from this module.
"""

from collections.abc import Mapping
from enum import StrEnum
from typing import Annotated, Self

from pydantic import (
    ConfigDict,
    Field,
    ValidationError,
    ValidatorFunctionWrapHandler,
    WrapValidator,
    model_validator,
)

from shared.domain import Difficulty, Role, Value
from shared.errors import ConfigurationError
from shared.profiles.faults import (
    GEMINI_MODEL,
    GIB_IN_GB,
    NUM_PREDICT,
    contradictions,
    described,
    needed_gb,
)

Positive = Annotated[int, Field(gt=0)]
Gigabytes = Annotated[float, Field(gt=0, allow_inf_nan=False)]
Dollars = Annotated[float, Field(ge=0, allow_inf_nan=False)]
# What macOS lets the GPU wire by default (iogpu.wired_limit_mb = 0): three quarters of the memory,
# two thirds on Macs with 32 GB or less; Metal tells it as recommendedMaxWorkingSetSize.
_METAL_SHARE, _SMALL_METAL_SHARE, _SMALL_RAM_GB = 3 / 4, 2 / 3, 32


def _duration(value: object, handler: ValidatorFunctionWrapHandler) -> object:
    try:
        return handler(value)
    except ValidationError as error:  # one for each branch of the union; one is enough
        raise ValueError("no duration") from error


# Ollama reads Go's durations; -1 means for ever.
KeepAlive = Annotated[
    Annotated[str, Field(pattern=r"^(0|-?([0-9]+(\.[0-9]+)?(ms|s|m|h))+)$")] | int,
    WrapValidator(_duration),
]


class Table(Value):
    """Base of the tables of a profile; a docstring below a key is its text in the schema."""

    model_config = ConfigDict(use_attribute_docstrings=True)


class NodeRole(StrEnum):
    """What a machine is there for."""

    GATEWAY = "gateway"
    WORKER = "worker"


class Node(Table):
    """A machine that runs Ollama."""

    name: Annotated[str, Field(min_length=1)]
    """What people call the machine; shown on GitHub."""
    url: Annotated[str, Field(pattern=r"^https?://[^\s/]+(/\S*)?$")]
    """Address of its Ollama, such as http://127.0.0.1:11434."""
    memory_gb: Gigabytes
    """Budget for all loaded models together, in GB of 10^9 bytes."""
    ram_gb: Gigabytes | None = None
    """The machine's whole memory as it is sold (GiB). Set it for a Mac: `baton doctor` then
    compares the budget with what macOS lets the GPU have."""
    role: NodeRole = NodeRole.WORKER
    """`gateway`: the machine that talks to GitHub, with small models that stay loaded;
    `worker`: a machine for the large ones."""

    @property
    def metal_gb(self) -> float | None:
        """Return what macOS lets the GPU have unless told otherwise, in GB; None if unknown."""
        if self.ram_gb is None:
            return None
        share = _SMALL_METAL_SHARE if self.ram_gb <= _SMALL_RAM_GB else _METAL_SHARE
        return self.ram_gb * GIB_IN_GB * share


class ModelSpec(Table):
    """A model on a node, with the options that every caller uses alike.

    A differing ``num_ctx`` between two requests makes Ollama reload the model, so it is fixed here.
    """

    name: Annotated[str, Field(min_length=1)]
    """The Ollama tag, such as qwen3:14b."""
    node: str
    """The node that holds it. A model on two nodes has two tables; the first is preferred."""
    size_gb: Gigabytes
    """Memory of the weights, in GB of 10^9 bytes."""
    gb_per_1k_tokens: Annotated[float, Field(ge=0, allow_inf_nan=False)] = 0.0
    """Memory of 1000 tokens of context, in GB; counts for the whole of num_ctx once loaded."""
    num_ctx: Positive
    """Context in tokens, prompt and reply together; the same for every caller."""
    num_predict: Positive = NUM_PREDICT
    """Longest reply in tokens."""
    temperature: Annotated[float, Field(ge=0, allow_inf_nan=False)] | None = None
    """Sampling; unset: the model's own."""
    top_p: Annotated[float, Field(gt=0, le=1)] | None = None
    """Sampling; unset: the model's own."""
    top_k: Positive | None = None
    """Sampling; unset: the model's own."""
    keep_alive: KeepAlive = "30m"
    """How long an idle model stays loaded: a time such as "30m", or seconds; 0: unloaded after
    each piece of work, -1: stays."""
    think: bool | None = None
    """Whether a thinking model thinks aloud; unset: its own way."""
    tools: bool = False
    """Whether its native tool calls are known to work; else it writes its actions as text."""
    fallback: str | None = None
    """Another model of this profile that stands in while this one cannot be reached."""
    meanwhile: tuple[str, ...] = ()
    """Models of the same node that answer a person who asks for this one while it is not loaded
    and others use its room: the first that is free or fits, else the first that is loaded."""

    @property
    def memory_gb(self) -> float:
        """Return what the loaded model takes with its whole context, in GB."""
        return needed_gb(self.size_gb, self.gb_per_1k_tokens, self.num_ctx)

    @property
    def is_resident(self) -> bool:
        """Tell whether it is meant to stay loaded between two calls."""
        return self.keep_alive not in {0, "0", "0s", "0m", "0h"}


class BaseMoved(StrEnum):
    """What a moved base branch does to a yes."""

    VOID = "void"
    KEEP = "keep"


class Approvals(Table):
    """What waits for /approve. How long it waits stands in the budgets."""

    planner: bool = True
    """Loading the planner, which may unload the models of other work."""
    plan: bool = False
    """The finished blueprint, before anything is built."""
    plan_labels: tuple[str, ...] = ()
    """The blueprint of issues with one of these labels."""
    plan_paths: tuple[str, ...] = ()
    """A blueprint that names a file of these patterns; `*` stands for anything, slashes too."""
    plan_difficulty: Difficulty | None = None
    """The blueprint of issues of this difficulty or a higher one."""
    approvers: Annotated[int, Field(ge=1, le=2)] = 1
    """How many different people have to say yes to the planner, a plan or a cloud model."""
    base_moved: BaseMoved = BaseMoved.VOID
    """When the base branch has moved since a request was shown: `void` asks again; `keep` goes
    on from the commit that was shown."""
    reminder_hours: Annotated[int, Field(ge=0)] = 24
    """Hours before a request expires at which Baton reminds of it, once; 0: never."""


class Budgets(Table):
    """How much a run may spend before it stops and says so."""

    attempts: Positive = 3
    """Attempts at the tests, and at the code."""
    review_rounds: Positive = 3
    """Rounds between coder and reviewer."""
    steps: Positive = 40
    """Model calls in one attempt."""
    tokens: Positive = 400_000
    """Tokens read and written in one attempt."""
    command_seconds: Positive = 120
    """Seconds for one command of a model."""
    test_seconds: Positive = 900
    """Seconds for one run of the tests."""
    seconds: Positive = 4 * 3600
    """Seconds for one run, waiting for people left out."""
    outage_seconds: Positive = 1800
    """Seconds that a run waits for a node that does not answer."""
    approval_hours: Positive = 72
    """Hours until an approval request expires."""
    confidence: Annotated[float, Field(ge=0, le=1)] = 0.5
    """Below this confidence of the router, a person is asked."""


class FrontierProvider(StrEnum):
    """Whose cloud model is asked when the local ones are at their wits' end."""

    GEMINI = "gemini"
    OPENAI = "openai"
    ANTHROPIC = "anthropic"


class FrontierPolicy(Table):
    """The cloud model that may be asked for advice, each time by a person's yes, and its cost."""

    provider: FrontierProvider = FrontierProvider.GEMINI
    """Whose model it is. Its key stands in the settings; without a key nobody is asked."""
    model: Annotated[str, Field(min_length=1)] = GEMINI_MODEL
    """The provider's name of the model."""
    url: Annotated[str, Field(pattern=r"^https?://[^\s/]+(/\S*)?$")] | None = None
    """Address of the API; unset: the provider's own."""
    max_input_tokens: Positive = 24_000
    """Longest request in tokens; what does not fit is left out before anybody is asked."""
    max_output_tokens: Positive = 16_384
    """Longest answer in tokens, thinking included."""
    timeout: Positive = 600
    """Seconds until an answer is no longer waited for."""
    monthly_budget_usd: Dollars = 10.0
    """US dollars that all runs together may cost in a calendar month (UTC)."""
    run_budget_usd: Dollars = 1.0
    """US dollars that one run may cost."""
    attempts_before: Positive = 2
    """Failed attempts of the local models before the question is offered."""
    usd_per_million_input: Dollars | None = None
    """Price of a model that the price tables do not know, for a million tokens read."""
    usd_per_million_output: Dollars | None = None
    """Price of a model that the price tables do not know, for a million tokens written."""


class Profile(Table):
    """A whole household of nodes and models."""

    name: Annotated[str, Field(min_length=1)]
    """What the profile is called."""
    description: str = ""
    """One sentence about the household."""
    recorded: bool = False
    """Whether the answers are a recording; every place that shows them then says so."""
    nodes: Annotated[tuple[Node, ...], Field(min_length=1)]
    models: Annotated[tuple[ModelSpec, ...], Field(min_length=1)]
    roles: Mapping[Role, str]
    """Which model plays which role."""
    approvals: Approvals = Approvals()
    budgets: Budgets = Budgets()
    frontier: FrontierPolicy = FrontierPolicy()

    @model_validator(mode="after")
    def _is_closed(self) -> Self:
        raw = self.model_dump(mode="json", exclude_unset=True)
        if faults := [described(fault, raw, None) for fault in contradictions(raw)]:
            raise ValueError("; ".join(faults))
        return self

    def model(self, role: Role) -> ModelSpec:
        """Return the model that plays a role."""
        return next(m for m in self.models if m.name == self.roles[role])

    def node(self, name: str) -> Node:
        """Return a node by its name."""
        return next(n for n in self.nodes if n.name == name)

    def on(self, node: str) -> tuple[ModelSpec, ...]:
        """Return the models of a node."""
        return tuple(m for m in self.models if m.node == node)

    def fallback(self, model: ModelSpec) -> ModelSpec | None:
        """Return the model that stands in for another, if one does."""
        return next((m for m in self.models if m.name == model.fallback), None)

    def stand_in(self, model: ModelSpec) -> ModelSpec | None:
        """Return what to ask while a model's node is away: itself elsewhere, or its fallback."""
        same = (m for m in self.models if m.name == model.name and m.node != model.node)
        other = self.fallback(model)
        return next(same, other if other and other.node != model.node else None)

    def at(self, url: str, *, model: str | None = None) -> Self:
        """Return this profile with every node at one URL and, if given, one model for all roles.

        Raises ConfigurationError when that is no URL.
        """
        if not url.startswith(("http://", "https://")):
            raise ConfigurationError(f"{url} is no address; write it as http://127.0.0.1:11434.")
        nodes = tuple(node.model_copy(update={"url": url}) for node in self.nodes)
        if model is None:
            return self.model_copy(update={"nodes": nodes, "recorded": False})
        spec = self.model(Role.CODER).model_copy(update={"name": model})
        roles = dict.fromkeys(Role, model)
        changed = {"nodes": nodes, "models": (spec,), "roles": roles, "recorded": False}
        return self.model_copy(update=changed)
