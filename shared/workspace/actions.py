"""What an agent may do to a worktree, and what it hears back. Stored in the durable log as JSON."""

from typing import Annotated, ClassVar, Literal, Protocol

from pydantic import Field, TypeAdapter

from shared.domain import Value


class Act(Value):
    """Base of the actions."""

    may_change_files: ClassVar[bool] = False


class RunCommand(Act):
    """Run a shell command in the sandbox, at the top of the worktree."""

    may_change_files: ClassVar[bool] = True
    kind: Literal["run"] = "run"
    command: Annotated[str, Field(min_length=1)]


class ViewFile(Act):
    """Show a file with line numbers, or list a directory; lines count from 1, ends included."""

    kind: Literal["view"] = "view"
    path: str
    start: Annotated[int, Field(ge=1)] = 1
    end: Annotated[int, Field(ge=1)] | None = None


class Search(Act):
    """Find the lines that match an extended regular expression, below a path."""

    kind: Literal["search"] = "search"
    pattern: Annotated[str, Field(min_length=1)]
    path: str = "."


class EditFile(Act):
    r"""Replace whole lines of one file. Both texts end each line with ``\n``; "" is no line."""

    may_change_files: ClassVar[bool] = True
    kind: Literal["edit"] = "edit"
    path: str
    search: str
    replace: str


class CreateFile(Act):
    """Write a file that does not exist yet."""

    may_change_files: ClassVar[bool] = True
    kind: Literal["create"] = "create"
    path: str
    content: str


class Submit(Act):
    """Say that the work is done."""

    kind: Literal["submit"] = "submit"
    message: str = ""


Action = Annotated[
    RunCommand | ViewFile | Search | EditFile | CreateFile | Submit, Field(discriminator="kind")
]
ACTIONS: TypeAdapter[Action] = TypeAdapter(Action)
"""Reads an action back from its JSON form."""


class Observation(Value):
    """What came of an action, as the model will read it; seconds are those of a command."""

    text: str
    ok: bool
    seconds: Annotated[float, Field(ge=0)] = 0.0


class Workspace(Protocol):
    """The hands of an agent: one worktree, one action at a time."""

    async def act(self, action: Action) -> Observation:
        """Carry out an action. A refusal is an observation too; only a broken sandbox raises."""
        ...


class Keeper(Protocol):
    """Keeps the state of the work, so that a lost model or a kill loses one turn at most."""

    async def keep(self, turn: int) -> None:
        """Keep the files as they stand after a turn, counted from 1."""
        ...

    async def diff(self) -> str:
        """Return the change since the attempt began, as a patch."""
        ...
