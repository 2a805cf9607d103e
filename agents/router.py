"""The Router: sorts an issue. It has no tools and may only emit what Triage allows."""

from agents import prompting, structured
from shared.chat import Chat
from shared.domain import Issue, Role, Triage

ROOM = 5000
"""Tokens of the prompt; more of a long issue does not tell more about its difficulty."""


async def triage(chat: Chat, issue: Issue) -> Triage:
    """Guess an issue's type and difficulty.

    Raises MalformedReply when the model gives no such guess after one correction.
    """
    asked = prompting.fitted(Role.ROUTER, ROOM, {"issue": prompting.of_issue(issue)})
    return await structured.ask(chat, asked, Triage)
