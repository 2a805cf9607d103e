"""The Tester: writes the tests that fail until the issue is solved."""

from agents import budget, prompting
from agents.loop import ALONE, Attempt, Brief, Limits, Support, work
from agents.prompting import Data
from shared.chat import Chat
from shared.domain import Issue, Role, Scenario, Value
from shared.workspace.actions import Workspace


class TesterTask(Value):
    """What the Tester is told. ``example`` is the text of the nearest test file."""

    issue: Issue
    test_command: str
    scenarios: tuple[Scenario, ...] = ()
    test_files: tuple[str, ...] = ()
    example_path: str = ""
    example: str = ""
    attempt: int = 1
    attempts: int = 1
    kept: bool = False
    verdicts: tuple[str, ...] = ()


async def write_tests(
    chat: Chat, workspace: Workspace, task: TesterTask, limits: Limits, support: Support = ALONE
) -> Attempt:
    """Let the model write tests; whether they fail rightly is for the gate to judge.

    Raises what the chat and the workspace raise.
    """
    system, first = prompting.fitted(
        Role.TESTER,
        limits.task,
        {
            "issue": prompting.of_issue(task.issue),
            "test_files": Data("files", prompting.bullets(task.test_files), budget.by_lines),
            "example": Data(task.example_path, task.example, empty="There is no such file."),
            "verdicts": prompting.of_list("verdicts", task.verdicts),
        },
        attempt=prompting.attempt_line(task.attempt, task.attempts, kept=task.kept),
        scenarios=prompting.numbered([_sentence(scenario) for scenario in task.scenarios]),
        test_command=task.test_command,
        steps=str(limits.steps),
    )
    brief = Brief(system=system, task=first, reminder=_reminder(task))
    return await work(chat, workspace, brief, limits, support)


def _sentence(scenario: Scenario) -> str:
    return f"{scenario.name}: given {scenario.given}, when {scenario.when}, then {scenario.then}"


def _reminder(task: TesterTask) -> str:
    return (
        f'Your task: write tests for the issue "{prompting.title(task.issue)}" that fail until '
        "it is solved. Change test files only. Run them, then submit."
    )
