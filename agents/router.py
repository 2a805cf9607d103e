"""The Router: sorts an issue. It has no tools and may only emit what Triage allows."""

from agents import prompting, structured
from shared.chat import Chat
from shared.domain import Issue, Role, Triage

_LONGEST_BODY = 12_000  # characters; the gateway's model is small


async def triage(chat: Chat, issue: Issue) -> Triage:
    """Guess an issue's type and difficulty.

    Raises MalformedReply when the model gives no such guess after one correction.
    """
    text = prompting.issue_text(issue, longest=_LONGEST_BODY)
    return await structured.ask(chat, prompting.messages(Role.ROUTER, issue=text), Triage)
