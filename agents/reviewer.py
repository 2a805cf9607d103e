"""The Reviewer: judges one diff, with the test results before it."""

from agents import budget, language, prompting, structured
from agents.prompting import Data
from agents.refutation import Refuted, without
from shared.chat import Chat
from shared.domain import Blueprint, Finding, Issue, Review, Role, Value


class ReviewTask(Value):
    """What the Reviewer is told: never the coder's chat, only what came of it.

    Rounds count from 1; ``earlier`` holds what is still open from the rounds before, ``refuted``
    what a test has closed.
    """

    issue: Issue
    diff: str
    evidence: str
    blueprint: Blueprint | None = None
    round: int = 1
    earlier: tuple[Finding, ...] = ()
    refuted: tuple[Refuted, ...] = ()


async def review(chat: Chat, task: ReviewTask, *, room: int = budget.USUAL_ROOM) -> Review:
    """Judge a change; what was refuted before and comes again is left out.

    ``room`` is the prompt's budget in tokens (see budget.room_of).
    Raises MalformedReply when the model gives no judgement after one correction.
    """
    asked = prompting.fitted(
        Role.REVIEWER,
        room,
        {
            "issue": prompting.of_issue(task.issue),
            "earlier": prompting.of_list("remarks", [prompting.remark(f) for f in task.earlier]),
            "refuted": prompting.of_list("remarks", [_closed(r) for r in task.refuted]),
            "evidence": Data("tests", task.evidence),
            "diff": Data("diff", task.diff, budget.by_files),
        },
        round=f"Review round {task.round}",
        language=language.name(language.of(task.issue)),
        plan=_plan(task.blueprint),
    )
    return without(await structured.ask(chat, asked, Review), task.refuted)


def _closed(refuted: Refuted) -> str:
    return f"{prompting.remark(refuted.finding)} Refuted by {refuted.test}"


def _plan(blueprint: Blueprint | None) -> str:
    if blueprint is None:
        return prompting.NONE
    return f"{blueprint.summary}\n\n{prompting.numbered(blueprint.action_items)}"
