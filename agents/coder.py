"""The Coder: changes the code until the given tests pass."""

from agents import budget, prompting
from agents.loop import ALONE, Attempt, Brief, Limits, Support, work
from agents.prompting import Data
from shared.chat import Chat, Message
from shared.domain import Blueprint, Finding, Issue, Role, Value
from shared.workspace.actions import Workspace


class RedTest(Value):
    """A test that fails now and must pass: its id, its file, and how it fails."""

    name: str
    file: str
    message: str


class CoderTask(Value):
    """What the Coder is told: never an earlier chat, only what came of it.

    ``verdicts`` are sentences about the attempts before, ``findings`` the review's remarks,
    ``comments`` what people wrote on the pull request when this is a follow-up (counted from 1).
    """

    issue: Issue
    test_command: str
    blueprint: Blueprint | None = None
    red: tuple[RedTest, ...] = ()
    attempt: int = 1
    attempts: int = 1
    kept: bool = False
    verdicts: tuple[str, ...] = ()
    findings: tuple[Finding, ...] = ()
    follow_up: int = 0
    comments: tuple[str, ...] = ()
    context: str = ""


async def implement(
    chat: Chat, workspace: Workspace, task: CoderTask, limits: Limits, support: Support = ALONE
) -> Attempt:
    """Let the model change the code; whether the change is right is for the gate to judge.

    Raises what the chat and the workspace raise.
    """
    system, first = _messages(task, limits)
    brief = Brief(system=system, task=first, reminder=_reminder(task))
    return await work(chat, workspace, brief, limits, support)


def _messages(task: CoderTask, limits: Limits) -> tuple[Message, Message]:
    plan = task.blueprint
    return prompting.fitted(
        Role.CODER,
        limits.task,
        {
            "issue": prompting.of_issue(task.issue),
            "red_tests": Data("tests", _red(task.red)),
            "verdicts": prompting.of_list("verdicts", task.verdicts),
            "findings": Data("remarks", _remarks(task), budget.by_lines),
            "context": Data("code", task.context, budget.by_files),
        },
        attempt=_heading(task),
        plan=plan.summary if plan else prompting.NONE,
        action_items=prompting.numbered(plan.action_items if plan else ()),
        test_command=task.test_command,
        steps=str(limits.steps),
    )


def _heading(task: CoderTask) -> str:
    line = prompting.attempt_line(task.attempt, task.attempts, kept=task.kept)
    return f"Follow-up {task.follow_up}\n{line}" if task.follow_up else line


def _red(tests: tuple[RedTest, ...]) -> str:
    return "\n\n".join(f"{test.name} ({test.file})\n{test.message.strip()}" for test in tests)


def _remarks(task: CoderTask) -> str:
    said = (prompting.of_page(comment) for comment in task.comments)
    remarks = (*(prompting.remark(finding) for finding in task.findings), *said)
    return prompting.numbered(remarks) if remarks else ""


def _reminder(task: CoderTask) -> str:
    items = task.blueprint.action_items if task.blueprint else ()
    names = [test.name for test in task.red]
    return (
        f'Your task: solve the issue "{prompting.title(task.issue)}".\n'
        f"Action items:\n{prompting.numbered(items)}\n"
        f"These tests must pass:\n{prompting.bullets(names)}\n"
        f"Run tests with: {task.test_command}\n"
        "Submit when they pass and the whole suite passes."
    )
