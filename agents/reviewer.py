"""The Reviewer: judges one diff, with the test results before it."""

from agents import budget, language, prompting, structured
from agents.prompting import Data
from shared.chat import Chat
from shared.domain import Blueprint, Finding, Issue, Review, Role, Value


class ReviewTask(Value):
    """What the Reviewer is told; rounds count from 1, ``earlier`` holds the rounds before."""

    issue: Issue
    diff: str
    evidence: str
    blueprint: Blueprint | None = None
    round: int = 1
    earlier: tuple[Finding, ...] = ()


async def review(chat: Chat, task: ReviewTask, *, room: int = budget.USUAL_ROOM) -> Review:
    """Judge a change; ``room`` is the prompt's budget in tokens (see budget.room_of).

    Raises MalformedReply when the model gives no judgement after one correction.
    """
    asked = prompting.fitted(
        Role.REVIEWER,
        room,
        {
            "issue": prompting.of_issue(task.issue),
            "earlier": prompting.of_list("remarks", [prompting.remark(f) for f in task.earlier]),
            "evidence": Data("tests", task.evidence),
            "diff": Data("diff", task.diff, budget.by_files),
        },
        round=f"Review round {task.round}",
        language=language.name(language.of(task.issue)),
        plan=_plan(task.blueprint),
    )
    return await structured.ask(chat, asked, Review)


def _plan(blueprint: Blueprint | None) -> str:
    if blueprint is None:
        return prompting.NONE
    return f"{blueprint.summary}\n\n{prompting.numbered(blueprint.action_items)}"
