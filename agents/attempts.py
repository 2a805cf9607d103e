"""What one attempt of an agent may spend, who helps it, and how it ended."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated, Self

from pydantic import Field

from agents.budget import room_of
from shared.chat import Chat, Message, Spent, ToolChat
from shared.domain import Value
from shared.profiles import Budgets, ModelSpec
from shared.workspace.actions import Keeper

_LAST_STEPS = 3
_SCARCE = 0.9  # of a budget that is not counted in steps
_COMMANDS = 15  # commands as long as one may be, in an attempt


class Ended(StrEnum):
    """Why an attempt is over."""

    SUBMITTED = "submitted"
    STEPS = "steps"
    TOKENS = "tokens"
    SECONDS = "seconds"
    COMMANDS = "commands"
    MALFORMED = "malformed"
    STUCK = "stuck"


class Limits(Value):
    """What one attempt may spend, and how much the model can read at once, in tokens.

    ``seconds`` are those of the model, ``command_seconds`` those of all its commands together.
    """

    steps: Annotated[int, Field(ge=1)] = 40
    tokens: Annotated[int, Field(ge=1)] = 400_000
    seconds: Annotated[float, Field(gt=0)] = 4 * 3600.0
    command_seconds: Annotated[float, Field(gt=0)] = 1800.0
    context: Annotated[int, Field(ge=1)] = 16_384

    @classmethod
    def of(cls, budgets: Budgets, model: ModelSpec) -> Self:
        """Take the limits from a profile: the context keeps room for the reply."""
        return cls(
            steps=budgets.steps,
            tokens=budgets.tokens,
            seconds=budgets.seconds,
            command_seconds=_COMMANDS * budgets.command_seconds,
            context=room_of(model),
        )

    @property
    def task(self) -> int:
        """Return the tokens that prompt and task may take, with room for work beside them."""
        return self.context // 2


class Brief(Value):
    """What an agent is told at first, and what it is told again when it begins anew."""

    system: Message
    task: Message
    reminder: str


@dataclass(frozen=True)
class Support:
    """Who helps an attempt, each of them optional.

    ``summariser`` writes the notes when a conversation is begun anew, ``keeper`` keeps the files
    after each turn that may change them, ``tools`` takes native calls where the model can.
    """

    summariser: Chat | None = None
    keeper: Keeper | None = None
    tools: ToolChat | None = None


class Attempt(Value):
    """How a tool loop ended, and what it cost."""

    ended: Ended
    message: str
    steps: int
    spent: Spent
    command_seconds: float = 0.0

    @property
    def submitted(self) -> bool:
        """Tell whether the agent itself said that it is done."""
        return self.ended is Ended.SUBMITTED


def over(limits: Limits, steps: int, spent: Spent, commands: float) -> tuple[Ended, str] | None:
    """Return which budget is spent, and a sentence about it."""
    if steps >= limits.steps:
        return Ended.STEPS, f"The budget of {limits.steps} steps is spent."
    if spent.tokens >= limits.tokens:
        return Ended.TOKENS, f"The budget of {limits.tokens} tokens is spent."
    if spent.seconds >= limits.seconds:
        return Ended.SECONDS, f"The budget of {limits.seconds:g} seconds of the model is spent."
    if commands >= limits.command_seconds:
        return Ended.COMMANDS, f"Its commands have taken {limits.command_seconds:g} seconds."
    return None


def scarce(limits: Limits, steps: int, spent: Spent, commands: float) -> str:
    """Return what an agent is told when a budget nears its end, or an empty string."""
    left = limits.steps - steps
    if left <= _LAST_STEPS:
        return f"{left} more {'action' if left == 1 else 'actions'}: finish and submit."
    if spent.tokens >= limits.tokens * _SCARCE or spent.seconds >= limits.seconds * _SCARCE:
        return "Little of the budget is left: finish and submit."
    if commands >= limits.command_seconds * _SCARCE:
        return "Little time for commands is left: finish and submit."
    return ""
