"""The tool loop: ask for an action, carry it out, tell the result, until the work is submitted.

Deterministic, given the replies and the observations: no clock, no chance, no I/O of its own. So
the whole loop can be replayed from a log of both. A time budget is the caller's: its Chat or
Workspace raises, and the error passes through.
"""

from collections.abc import Iterable
from enum import StrEnum
from typing import Annotated, Self

from pydantic import Field

from agents import protocol, stuck
from agents.history import History
from shared.chat import Chat, Message, Reply, Spent
from shared.domain import Value
from shared.errors import MalformedAction
from shared.profiles import Budgets, ModelSpec
from shared.workspace.actions import Action, Observation, Submit, Workspace

MALFORMED_IN_A_ROW = 3
_LAST_STEPS = 3
_CUT = "The reply was too long and was cut off. Do less in one step: one short edit, then the next."


class Ended(StrEnum):
    """Why an attempt is over."""

    SUBMITTED = "submitted"
    STEPS = "steps"
    TOKENS = "tokens"
    MALFORMED = "malformed"
    STUCK = "stuck"


class Limits(Value):
    """What one attempt may spend, and how much the model can read at once. Tokens."""

    steps: Annotated[int, Field(ge=1)] = 40
    tokens: Annotated[int, Field(ge=1)] = 400_000
    context: Annotated[int, Field(ge=1)] = 16_384

    @classmethod
    def of(cls, budgets: Budgets, model: ModelSpec) -> Self:
        """Take the limits from a profile: the context keeps room for the reply."""
        room = max(model.num_ctx - model.num_predict, model.num_ctx // 2)
        return cls(steps=budgets.steps, tokens=budgets.tokens, context=room)


class Attempt(Value):
    """How a tool loop ended."""

    ended: Ended
    message: str
    steps: int
    spent: Spent

    @property
    def submitted(self) -> bool:
        """Tell whether the agent itself said that it is done."""
        return self.ended is Ended.SUBMITTED


class Brief(Value):
    """What an agent is told at first, and what it is told again when its memory is trimmed."""

    system: Message
    task: Message
    reminder: str


async def work(chat: Chat, workspace: Workspace, brief: Brief, limits: Limits) -> Attempt:
    """Let a model act on a worktree until it submits, is stuck, or a budget is spent.

    Raises what the chat and the workspace raise.
    """
    history = History(brief.system, brief.task, brief.reminder, limits.context)
    taken: list[stuck.Step] = []
    spent, malformed = Spent(), 0
    while len(taken) < limits.steps:
        if spent.tokens >= limits.tokens:
            return _ended(Ended.TOKENS, f"The budget of {limits.tokens} tokens.", taken, spent)
        reply = await chat.complete(history.messages())
        spent = spent.plus(reply.usage)
        try:
            action = _read(reply)
        except MalformedAction as fault:
            malformed += 1
            if malformed == MALFORMED_IN_A_ROW:
                return _ended(Ended.MALFORMED, str(fault), taken, spent)
            history.add(reply.text, str(fault))
            continue
        malformed = 0
        seen = await workspace.act(action)
        taken.append(stuck.Step(action=action, seen=seen))
        if isinstance(action, Submit) and seen.ok:
            return _ended(Ended.SUBMITTED, action.message, taken, spent)
        if reason := stuck.reason(taken):
            return _ended(Ended.STUCK, reason, taken, spent)
        history.add(reply.text, _told(action, seen, limits.steps - len(taken)))
    return _ended(Ended.STEPS, f"The budget of {limits.steps} steps.", taken, spent)


def _read(reply: Reply) -> Action:
    if reply.cut:
        raise MalformedAction(_CUT)
    return protocol.parse(reply.text)


def _told(action: Action, seen: Observation, left: int) -> str:
    outcome = "done" if seen.ok else "failed"
    lines = [f"Result of {action.kind} ({outcome}):", "", seen.text]
    if left <= _LAST_STEPS:
        lines += ["", f"{left} more {'action' if left == 1 else 'actions'}: finish and submit."]
    return "\n".join(lines)


def _ended(why: Ended, message: str, taken: Iterable[stuck.Step], spent: Spent) -> Attempt:
    return Attempt(ended=why, message=message, steps=len(list(taken)), spent=spent)
