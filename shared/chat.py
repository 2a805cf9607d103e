"""What every model looks like to the agents: messages in, one reply out."""

from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import Protocol

from shared.domain import Value

JsonSchema = Mapping[str, object]


class Speaker(StrEnum):
    """Who said a message."""

    SYSTEM = "system"
    USER = "user"
    ASSISTANT = "assistant"


class Message(Value):
    """One turn of a conversation."""

    role: Speaker
    content: str


class Usage(Value):
    """What one call cost."""

    model: str
    node: str
    prompt_tokens: int
    output_tokens: int
    seconds: float


class Reply(Value):
    """What a model said, and what it cost."""

    text: str
    usage: Usage


class Chat(Protocol):
    """One model, bound to one role; which model answers is not the caller's concern."""

    async def complete(
        self, messages: Sequence[Message], *, schema: JsonSchema | None = None
    ) -> Reply:
        """Ask for the next turn, constrained to a JSON schema when one is given.

        Raises ModelError when no trustworthy reply can be had.
        """
        ...
