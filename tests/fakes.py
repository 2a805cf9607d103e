"""The doubles that several tests share; everything else they talk to is real."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from agents import protocol
from shared.chat import JsonSchema, Message, Reply, Usage
from shared.workspace import Action, Observation


def usage(prompt: int = 10, output: int = 5) -> Usage:
    """Return the cost of a call on a pretend node."""
    return Usage(
        model="scripted", node="here", prompt_tokens=prompt, output_tokens=output, seconds=0.5
    )


@dataclass
class ScriptedChat:
    """A Chat that gives its replies in the order in which they were enqueued."""

    asked: list[list[Message]] = field(default_factory=list)
    schemas: list[JsonSchema | None] = field(default_factory=list)
    replies: list[Reply] = field(default_factory=list)

    def enqueue(self, *replies: str | Action, cut: bool = False, cost: Usage | None = None) -> None:
        """Add replies; actions are written as a model would."""
        for reply in replies:
            text = reply if isinstance(reply, str) else f"Next.\n\n{protocol.render(reply)}"
            self.replies.append(Reply(text=text, usage=cost or usage(), cut=cut))

    async def complete(
        self, messages: Sequence[Message], *, schema: JsonSchema | None = None
    ) -> Reply:
        """Return the next reply; a test that enqueued too few fails here."""
        self.asked.append(list(messages))
        self.schemas.append(schema)
        assert self.replies, "the script has no more replies"
        return self.replies.pop(0)


@dataclass
class ScriptedWorkspace:
    """A Workspace that gives its observations in order, the last one again and again."""

    observations: list[Observation]
    acted: list[Action] = field(default_factory=list)

    async def act(self, action: Action) -> Observation:
        """Return the next observation."""
        self.acted.append(action)
        return self.observations.pop(0) if len(self.observations) > 1 else self.observations[0]
