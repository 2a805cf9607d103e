"""What an agent may do to a worktree, and what it hears back. Stored in the durable log as JSON."""

from typing import Annotated, Literal, Protocol

from pydantic import Field, TypeAdapter

from shared.domain import Value


class RunCommand(Value):
    """Run a shell command in the sandbox, at the top of the worktree."""

    kind: Literal["run"] = "run"
    command: Annotated[str, Field(min_length=1)]


class ViewFile(Value):
    """Show a file with line numbers, or list a directory; lines count from 1, ends included."""

    kind: Literal["view"] = "view"
    path: str
    start: Annotated[int, Field(ge=1)] = 1
    end: Annotated[int, Field(ge=1)] | None = None


class Search(Value):
    """Find the lines that match an extended regular expression, below a path."""

    kind: Literal["search"] = "search"
    pattern: Annotated[str, Field(min_length=1)]
    path: str = "."


class EditFile(Value):
    r"""Replace whole lines of one file. Both texts end each line with ``\n``; "" is no line."""

    kind: Literal["edit"] = "edit"
    path: str
    search: str
    replace: str


class CreateFile(Value):
    """Write a file that does not exist yet."""

    kind: Literal["create"] = "create"
    path: str
    content: str


class Submit(Value):
    """Say that the work is done."""

    kind: Literal["submit"] = "submit"
    message: str = ""


Action = Annotated[
    RunCommand | ViewFile | Search | EditFile | CreateFile | Submit, Field(discriminator="kind")
]
ACTIONS: TypeAdapter[Action] = TypeAdapter(Action)
"""Reads an action back from its JSON form."""


class Observation(Value):
    """What came of an action, as the model will read it."""

    text: str
    ok: bool


class Workspace(Protocol):
    """The hands of an agent: one worktree, one action at a time."""

    async def act(self, action: Action) -> Observation:
        """Carry out an action. A refusal is an observation too; only a broken sandbox raises."""
        ...
