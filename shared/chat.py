"""What every model looks like to the agents: messages in, one reply out."""

import re
from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import Protocol, Self

from pydantic import JsonValue

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


class Spent(Value):
    """What several calls cost together."""

    calls: int = 0
    prompt_tokens: int = 0
    output_tokens: int = 0
    seconds: float = 0.0

    @property
    def tokens(self) -> int:
        """Return the tokens read and written."""
        return self.prompt_tokens + self.output_tokens

    def plus(self, usage: Usage) -> Self:
        """Add one call."""
        return self.model_copy(
            update={
                "calls": self.calls + 1,
                "prompt_tokens": self.prompt_tokens + usage.prompt_tokens,
                "output_tokens": self.output_tokens + usage.output_tokens,
                "seconds": self.seconds + usage.seconds,
            }
        )


class Reply(Value):
    """What a model said and what it cost; ``cut`` when its output limit ended it, not the model."""

    text: str
    usage: Usage
    cut: bool = False


class ToolCall(Value):
    """One call of a tool as the model's server read it."""

    name: str
    arguments: Mapping[str, JsonValue]


class ToolReply(Value):
    """What a model said, which tools it called, and what it cost; ``cut`` as in Reply."""

    text: str
    usage: Usage
    calls: tuple[ToolCall, ...] = ()
    cut: bool = False


class Chat(Protocol):
    """One model, bound to one role; which model answers is not the caller's concern."""

    async def complete(
        self, messages: Sequence[Message], *, schema: JsonSchema | None = None
    ) -> Reply:
        """Ask for the next turn, constrained to a JSON schema when one is given.

        Raises ModelError when no trustworthy reply can be had.
        """
        ...


class ToolChat(Protocol):
    """A model that can call tools."""

    async def call(self, messages: Sequence[Message], tools: Sequence[JsonSchema]) -> ToolReply:
        """Ask for the next turn, with tools in the form of OpenAI's functions.

        Raises MalformedReply when no call can be had of it, else ModelError.
        """
        ...


def fewest_tokens(messages: Sequence[Message]) -> int:
    """Return a number of tokens that no tokenizer gets below: each word costs one at least."""
    return sum(len(_WORD.findall(message.content)) for message in messages)


def likely_tokens(messages: Sequence[Message]) -> int:
    """Return a careful estimate of the tokens, meant to be too high rather than too low.

    Code comes to about 3 characters a token; other scripts to about 1 token a character.
    """
    return sum(_likely(message.content) + _FRAME for message in messages)


def _likely(text: str) -> int:
    others = sum(not character.isascii() for character in text)
    return (len(text) - others) // 3 + others


_WORD = re.compile(r"\w+")
_FRAME = 8  # tokens that a chat template puts around a message
