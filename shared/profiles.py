"""Profiles: which nodes there are, which models they hold, and who plays which role.

A profile is a TOML file, or JSON where a program has written it. The built-in ones stand in ``shared/profiles/``; users copy one,
edit it, and name its path in ``BATON_PROFILE``.
"""

import tomllib
from collections.abc import Mapping
from importlib.resources import files
from pathlib import Path
from typing import Annotated, Self

from pydantic import Field, ValidationError, model_validator

from shared.domain import Role, Value
from shared.errors import ConfigurationError

Positive = Annotated[int, Field(gt=0)]


class Node(Value):
    """A machine that runs Ollama."""

    name: str
    url: str = Field(pattern=r"^https?://")
    memory_gb: Annotated[float, Field(gt=0)]


class ModelSpec(Value):
    """A model on a node, with the options that every caller uses alike.

    A differing ``num_ctx`` between two requests makes Ollama reload the model, so it is fixed here.
    """

    name: str
    node: str
    size_gb: Annotated[float, Field(gt=0)]
    num_ctx: Positive
    num_predict: Positive = 4096
    temperature: Annotated[float, Field(ge=0)] | None = None
    top_p: Annotated[float, Field(gt=0, le=1)] | None = None
    top_k: Positive | None = None
    keep_alive: str | int = "30m"
    think: bool | None = None


class Budgets(Value):
    """How much a run may spend before it stops and says so."""

    attempts: Positive = 3
    review_rounds: Positive = 3
    steps: Positive = 40
    tokens: Positive = 400_000
    command_seconds: Positive = 120
    test_seconds: Positive = 900
    seconds: Positive = 4 * 3600
    approval_hours: Positive = 72
    confidence: Annotated[float, Field(ge=0, le=1)] = 0.5


class Profile(Value):
    """A whole household of nodes and models."""

    name: str
    description: str = ""
    recorded: bool = False
    nodes: Annotated[tuple[Node, ...], Field(min_length=1)]
    models: Annotated[tuple[ModelSpec, ...], Field(min_length=1)]
    roles: Mapping[Role, str]
    budgets: Budgets = Budgets()

    @model_validator(mode="after")
    def _is_closed(self) -> Self:
        nodes = {node.name for node in self.nodes}
        for model in self.models:
            if model.node not in nodes:
                msg = f'models: "{model.name}" is on node "{model.node}", which is not in [[nodes]]'
                raise ValueError(msg)
        names = {model.name for model in self.models}
        for role in Role:
            if role not in self.roles:
                msg = f'roles: "{role}" has no model; add {role} = "<model name>"'
                raise ValueError(msg)
            if self.roles[role] not in names:
                msg = f'roles: "{role}" names "{self.roles[role]}", which is not in [[models]]'
                raise ValueError(msg)
        return self

    def model(self, role: Role) -> ModelSpec:
        """Return the model that plays a role."""
        return next(m for m in self.models if m.name == self.roles[role])

    def node(self, name: str) -> Node:
        """Return a node by its name."""
        return next(n for n in self.nodes if n.name == name)

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


def built_in() -> tuple[str, ...]:
    """List the names of the profiles that come with Baton."""
    folder = files("shared") / "profiles"
    return tuple(sorted(f.name.removesuffix(".toml") for f in folder.iterdir()))


def load(name_or_path: str) -> Profile:
    """Read a profile by built-in name or by path.

    Raises ConfigurationError with the file, the key and the mend.
    """
    if name_or_path in built_in():
        source = f"profile {name_or_path}"
        text = (files("shared") / "profiles" / f"{name_or_path}.toml").read_text("utf-8")
    else:
        source = name_or_path
        text = _read(Path(name_or_path))
    try:
        if source.endswith(".json"):
            return Profile.model_validate_json(text)
        return Profile.model_validate(tomllib.loads(text))
    except tomllib.TOMLDecodeError as error:
        raise ConfigurationError(f"{source} is not valid TOML: {error}.") from error
    except ValidationError as error:
        raise ConfigurationError(f"{source}: {_first_fault(error)}") from error


def _read(path: Path) -> str:
    try:
        return path.read_text("utf-8")
    except OSError as error:
        names = ", ".join(built_in())
        raise ConfigurationError(
            f"No profile at {path} ({error.strerror}). Use one of {names}, or the path of a TOML file."
        ) from error


def _first_fault(error: ValidationError) -> str:
    fault = error.errors(include_url=False, include_context=False)[0]
    where = ".".join(str(part) for part in fault["loc"])
    what = fault["msg"].removeprefix("Value error, ")
    more = error.error_count() - 1
    return f"{f'{where}: ' if where else ''}{what}{f' (and {more} more)' if more else ''}"
