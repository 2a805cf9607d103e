"""The Reviewer: judges one diff, with the test results before it."""

from agents import language, prompting, structured
from shared.chat import Chat
from shared.domain import Blueprint, Finding, Issue, Review, Role, Value

_LONGEST_DIFF = 24_000  # characters, about 8k tokens


class ReviewTask(Value):
    """What the Reviewer is told; rounds count from 1, ``earlier`` holds the rounds before."""

    issue: Issue
    diff: str
    evidence: str
    blueprint: Blueprint | None = None
    round: int = 1
    earlier: tuple[Finding, ...] = ()


async def review(chat: Chat, task: ReviewTask) -> Review:
    """Judge a change.

    Raises MalformedReply when the model gives no judgement after one correction.
    """
    asked = prompting.messages(
        Role.REVIEWER,
        round=f"Review round {task.round}",
        language=language.name(language.of(task.issue)),
        issue=prompting.issue_text(task.issue),
        plan=_plan(task.blueprint),
        earlier=prompting.listed("remarks", [prompting.remark(f) for f in task.earlier]),
        evidence=prompting.as_data("tests", task.evidence),
        diff=prompting.as_data("diff", prompting.clip(task.diff, _LONGEST_DIFF)),
    )
    return await structured.ask(chat, asked, Review)


def _plan(blueprint: Blueprint | None) -> str:
    if blueprint is None:
        return prompting.NONE
    return f"{blueprint.summary}\n\n{prompting.numbered(blueprint.action_items)}"
