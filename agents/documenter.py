"""The Documenter: writes the account of finished work."""

from agents import budget, language, prompting, structured
from agents.prompting import Data
from shared.chat import Chat
from shared.domain import Issue, Language, Report, Role, Value


class ReportTask(Value):
    """What the Documenter is told; ``changes`` is the diff stat, ``message`` the coder's own."""

    issue: Issue
    changes: str
    evidence: str
    message: str = ""
    language: Language | None = None


async def report(chat: Chat, task: ReportTask, *, room: int = budget.USUAL_ROOM) -> Report:
    """Write the summary and the changelog line, in the issue's language unless one is given.

    Raises MalformedReply when the model gives none after one correction.
    """
    asked = prompting.fitted(
        Role.DOCUMENTER,
        room,
        {
            "issue": prompting.of_issue(task.issue),
            "message": Data("message", task.message),
            "changes": Data("changes", task.changes, budget.by_lines),
            "evidence": Data("tests", task.evidence),
        },
        language=language.name(task.language or language.of(task.issue)),
    )
    return await structured.ask(chat, asked, Report)
