"""The Planner: turns an issue and the code around it into a blueprint."""

from agents import language, prompting, structured
from shared.chat import Chat
from shared.domain import Blueprint, Issue, Role


async def plan(chat: Chat, issue: Issue, context: str) -> Blueprint:
    """Write the blueprint of an issue; ``context`` is an excerpt of the code (see context.py).

    Raises MalformedReply when the model gives none after one correction.
    """
    asked = prompting.messages(
        Role.PLANNER,
        issue=prompting.issue_text(issue),
        language=language.name(language.of(issue)),
        context=prompting.as_data("code", context) if context else prompting.NONE,
    )
    return await structured.ask(chat, asked, Blueprint)
