"""The state of the work when a conversation is begun anew: notes, and the change so far.

The notes are written by a small model of the gateway. Where there is none, or it gives no usable
answer, they are the list of the steps themselves; so no model decides whether the work goes on.
"""

from collections.abc import Sequence
from typing import Annotated

from pydantic import Field

from agents import budget, prompting, protocol, structured
from agents.budget import Part
from agents.stuck import Step
from shared.chat import Chat, JsonSchema, Message, Reply, Spent
from shared.domain import Value
from shared.errors import ModelError
from shared.workspace.actions import Action, CreateFile, EditFile, RunCommand, Search, ViewFile

ROOM = 6000
"""Tokens of the prompt for notes; a small model with a context of 8k holds it and its answer."""
_LONGEST_ACTION, _LONGEST_RESULT = 600, 1200
_LISTED = 24


class Notes(Value):
    """What a developer has to know to go on."""

    done: Annotated[tuple[str, ...], Field(max_length=8)] = ()
    learned: Annotated[tuple[str, ...], Field(max_length=8)] = ()
    next: Annotated[tuple[str, ...], Field(max_length=3)] = ()


class Metered:
    """A Chat that adds up what its calls cost."""

    def __init__(self, chat: Chat) -> None:
        self._chat = chat
        self.spent = Spent()

    async def complete(
        self, messages: Sequence[Message], *, schema: JsonSchema | None = None
    ) -> Reply:
        """Pass the question on."""
        reply = await self._chat.complete(messages, schema=schema)
        self.spent = self.spent.plus(reply.usage)
        return reply


async def notes(chat: Chat | None, task: str, earlier: str, steps: Sequence[Step]) -> str:
    """Write the notes on some steps; never fails for a model's sake."""
    if chat is not None:
        try:
            written = await structured.ask(chat, _asked(task, earlier, steps), Notes)
        except ModelError:
            return listed(earlier, steps)
        if written.done or written.learned:
            return _as_text(written)
    return listed(earlier, steps)


def state(written: str, diff: str | None, reminder: str, room: int) -> str:
    """Tell where the work stands, within a number of tokens; a diff loses whole files first.

    ``diff`` is None where nobody can tell it.
    """
    parts = {"notes": Part(written), "diff": Part(diff or "", budget.by_files)}
    short = budget.fit(parts, room - budget.tokens(reminder))
    told = []
    if written:
        told.append(f"Where the work stands:\n\n{prompting.as_data('notes', short['notes'])}")
    if diff is not None:
        changed = prompting.as_data("diff", short["diff"]) if diff.strip() else "Nothing yet."
        told.append(f"Changed so far:\n\n{changed}")
    return "\n\n".join([*told, reminder, "Go on with your next action."])


def together(one: Spent, other: Spent) -> Spent:
    """Add up what two conversations cost."""
    return Spent(
        calls=one.calls + other.calls,
        prompt_tokens=one.prompt_tokens + other.prompt_tokens,
        output_tokens=one.output_tokens + other.output_tokens,
        seconds=one.seconds + other.seconds,
    )


def listed(earlier: str, steps: Sequence[Step]) -> str:
    """List the steps as they were, the last ones when they are many."""
    lines = [f"- {_named(step.action)}: {_came_of(step)}" for step in steps]
    return "\n".join([*([earlier] if earlier else []), *dict.fromkeys(lines[-_LISTED:])])


def _asked(task: str, earlier: str, steps: Sequence[Step]) -> tuple[Message, Message]:
    told = "\n\n".join(_told(step) for step in steps)
    return prompting.fitted(
        prompting.SUMMARY,
        ROOM,
        {
            "task": prompting.Data("task", task),
            "notes": prompting.Data("notes", earlier),
            "steps": prompting.Data("steps", told),
        },
    )


def _told(step: Step) -> str:
    action = budget.clip(protocol.render(step.action), _LONGEST_ACTION)
    outcome = "done" if step.seen.ok else "failed"
    return f"{action}\n{outcome}: {budget.clip(step.seen.text, _LONGEST_RESULT)}"


def _as_text(written: Notes) -> str:
    said = (("Done", written.done), ("Learned", written.learned), ("Next", written.next))
    return "\n".join(f"{head}:\n{prompting.bullets(items)}" for head, items in said if items)


def _named(action: Action) -> str:
    match action:
        case RunCommand(command=command):
            return f"run {command.split(chr(10))[0][:120]}"
        case Search(pattern=pattern):
            return f"search {pattern[:120]}"
        case ViewFile(path=path) | EditFile(path=path) | CreateFile(path=path):
            return f"{action.kind} {path}"
        case _:
            return action.kind


def _came_of(step: Step) -> str:
    if step.seen.ok:
        return "done"
    lines = [line for line in step.seen.text.split("\n") if line.strip()]
    # The last line is the exit code, which says less than the one before.
    telling = lines[-2:] if isinstance(step.action, RunCommand) else lines[:1]
    return f"failed: {' '.join(telling)[:200]}"
