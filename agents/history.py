"""The conversation of a tool loop: append only, and begun anew when it has grown too long.

Append only, because a node reuses its cache for as long as the beginning stays the same. Begun
anew with the task and the state of the work, and without a word about it: a notice that something
was trimmed leads models astray.
"""

from agents import budget
from shared.chat import Message, Speaker, likely_tokens

_MOST_SCALE = 2.0  # how far a node's own count may correct the estimate


class History:
    """Messages that fit into a context of a given number of tokens."""

    def __init__(self, system: Message, task: Message, context: int) -> None:
        self._system = system
        self._task = task
        self._first = task
        self._context = context
        self._scale = 1.0
        self._turns: list[tuple[Message, Message]] = []

    @property
    def is_full(self) -> bool:
        """Tell whether what would be sent next does not fit."""
        return self._needed() > self._context

    @property
    def room(self) -> int:
        """Return the tokens that the account of the work may take in a new beginning."""
        start = likely_tokens([self._system, self._task])
        return max(_LEAST, int(self._context / self._scale) * 2 // 3 - start)

    def messages(self) -> list[Message]:
        """Return what to send next."""
        turns = (message for turn in self._turns for message in turn)
        return [self._system, self._first, *turns]

    def add(self, said: str, heard: str) -> None:
        """Append a reply and what came of it."""
        self._turns.append((_said(said), Message(role=Speaker.USER, content=heard)))

    def counted(self, tokens: int) -> None:
        """Learn from the node's count of the messages that were just sent."""
        scale = tokens / max(1, likely_tokens(self.messages()))
        self._scale = min(_MOST_SCALE, max(self._scale, scale))

    def shrink(self) -> None:
        """Take the context for half as large: the node has not read all of it."""
        self._context //= 2

    def begin_anew(self, state: str) -> None:
        """Keep the stable prompt, the task with the state of the work, and the last turn."""
        self._first = self._with(state)
        self._turns = self._turns[-1:]
        if not self._turns or self._needed() <= self._context * 3 // 4:
            return
        # The last turn is too long to be kept as it was: its result becomes part of the state.
        heard = budget.Part(self._turns[0][1].content)
        result = budget.fit({"heard": heard}, max(_LEAST, self.room // 2))["heard"]
        self._first = self._with(f"{state}\n\nThe last thing you saw:\n\n{result}")
        self._turns = []

    def _with(self, state: str) -> Message:
        return Message(role=Speaker.USER, content=f"{self._task.content}\n\n{state}")

    def _needed(self) -> int:
        return int(likely_tokens(self.messages()) * self._scale)


_LEAST = 256


def _said(text: str) -> Message:
    return Message(role=Speaker.ASSISTANT, content=text.strip() or "(nothing)")
