"""The Documenter: writes the account of finished work."""

from agents import language, prompting, structured
from shared.chat import Chat
from shared.domain import Issue, Language, Report, Role, Value


class ReportTask(Value):
    """What the Documenter is told; ``changes`` is the diff stat, ``message`` the coder's own."""

    issue: Issue
    changes: str
    evidence: str
    message: str = ""
    language: Language | None = None


async def report(chat: Chat, task: ReportTask) -> Report:
    """Write the summary and the changelog line, in the issue's language unless one is given.

    Raises MalformedReply when the model gives none after one correction.
    """
    asked = prompting.messages(
        Role.DOCUMENTER,
        language=language.name(task.language or language.of(task.issue)),
        issue=prompting.issue_text(task.issue),
        message=prompting.as_data("message", task.message) if task.message else prompting.NONE,
        changes=prompting.as_data("changes", task.changes),
        evidence=prompting.as_data("tests", task.evidence),
    )
    return await structured.ask(chat, asked, Report)
