"""The conversation of a tool loop: append only, and trimmed silently when it grows too long.

Append only, because a node reuses its cache for as long as the beginning stays the same. Silently,
because a notice about the trimming leads models astray: the task is told again instead. When it has
to be trimmed, it is trimmed to half, so that this happens seldom.
"""

from shared.chat import Message, Speaker, likely_tokens


class History:
    """Messages that fit into a context of a given number of tokens."""

    def __init__(self, system: Message, task: Message, reminder: str, context: int) -> None:
        self._start = [system, task]
        self._reminder = reminder
        self._context = context
        self._turns: list[tuple[Message, Message]] = []

    def messages(self) -> list[Message]:
        """Return what to send next."""
        return [*self._start, *(message for turn in self._turns for message in turn)]

    def add(self, said: str, heard: str) -> None:
        """Append a reply and what came of it; trim when the whole would not fit."""
        self._turns.append((_said(said), Message(role=Speaker.USER, content=heard)))
        if likely_tokens(self.messages()) <= self._context:
            return
        heard = f"{heard}\n\n{self._reminder}"
        self._turns[-1] = (_said(said), Message(role=Speaker.USER, content=heard))
        while len(self._turns) > 1 and likely_tokens(self.messages()) > self._context // 2:
            del self._turns[0]


def _said(text: str) -> Message:
    return Message(role=Speaker.ASSISTANT, content=text.strip() or "(nothing)")
