"""The Planner: turns an issue and the code around it into a blueprint."""

from agents import budget, language, prompting, structured
from agents.prompting import Data
from shared.chat import Chat
from shared.domain import Blueprint, Issue, Role


async def plan(
    chat: Chat, issue: Issue, context: str, *, room: int = budget.USUAL_ROOM
) -> Blueprint:
    """Write the blueprint of an issue; ``context`` is an excerpt of the code (see context).

    ``room`` is the prompt's budget in tokens (see budget.room_of). Raises MalformedReply when the
    model gives none after one correction.
    """
    asked = prompting.fitted(
        Role.PLANNER,
        room,
        {
            "issue": prompting.of_issue(issue),
            "context": Data("code", context, budget.by_files),
        },
        language=language.name(language.of(issue)),
    )
    return await structured.ask(chat, asked, Blueprint)
