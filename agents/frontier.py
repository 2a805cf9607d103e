"""The Frontier: when a cloud model is worth asking, the question it gets, and its advice.

Pure: the question is made of plain values, cut to a number of tokens, and says all there is to
know. What comes back is data for the Coder to weigh, never a command.
"""

from enum import StrEnum
from typing import Annotated, Any, NamedTuple

from pydantic import Field, field_validator

from agents import budget, language, prompting, structured
from agents.prompting import Data
from shared.chat import Reply, likely_tokens
from shared.domain import Blueprint, Issue, Value
from shared.errors import ConfigurationError

_MOST_ITEMS = 5
_LONGEST_ITEM = 2_000  # characters
_NO_QUESTION = "Why did the attempts fail, and what will succeed?"


class Reason(StrEnum):
    """Why a cloud model is worth its price."""

    FAILED_ATTEMPTS = "failed_attempts"
    ASKED = "asked"
    ARCHITECTURE = "architecture"
    NEWER_LIBRARY = "newer_library"
    HARD_MATHS = "hard_maths"
    RESISTANT_BUG = "resistant_bug"


_REASONS = {
    Reason.FAILED_ATTEMPTS: "the local models' attempts failed",
    Reason.ASKED: "a person wants your advice",
    Reason.ARCHITECTURE: "the issue asks for a new system architecture",
    Reason.NEWER_LIBRARY: "a library has changed since the local models were trained",
    Reason.HARD_MATHS: "the issue needs hard mathematics or a hard algorithm",
    Reason.RESISTANT_BUG: "the bug has resisted earlier repairs",
}


def needs_frontier(
    *, failed: int, bound: int, named: Reason | None = None, asked: bool = False, earlier: int = 0
) -> Reason | None:
    """Decide whether a person is offered to ask a cloud model, and why.

    ``failed`` counts the attempts since the last advice, ``bound`` how many are enough; ``named``
    is the case that the Router or the Planner sees, which counts for the first offer only;
    ``earlier`` counts the offers of the run. Whoever asks is always offered it.
    """
    if asked:
        return Reason.ASKED
    if failed >= bound:
        return Reason.FAILED_ATTEMPTS
    return named if earlier == 0 else None


class Attempt(Value):
    """One failed attempt: what the Coder said it did, and why it was not let through."""

    message: str
    verdicts: tuple[str, ...]


class Sos(Value):
    """What a question is made of; ``question`` is what a person typed after /frontier."""

    reason: Reason
    issue: Issue
    plan: Blueprint | None = None
    attempts: tuple[Attempt, ...] = ()
    evidence: str = ""
    code: str = ""
    question: str = ""


class Question(NamedTuple):
    """A composed question: the fixed part and the part of this case."""

    system: str
    text: str


class Advice(Value):
    """What a cloud model advises: a summary for people, and steps for the Coder to weigh."""

    summary: Annotated[str, Field(min_length=1)]
    action_items: Annotated[
        tuple[Annotated[str, Field(min_length=1)], ...],
        Field(min_length=1, max_length=_MOST_ITEMS),
    ]

    @field_validator("action_items", mode="before")
    @classmethod
    def _keep_the_first(cls, items: Any) -> Any:  # noqa: ANN401  whatever a model wrote
        """Keep the most important items of a longer list: the answer is paid for."""
        if not isinstance(items, list | tuple):
            return items
        shown = [item.strip() if isinstance(item, str) else item for item in items]
        kept = [item for item in shown if item != ""][:_MOST_ITEMS]
        return [budget.clip(i, _LONGEST_ITEM) if isinstance(i, str) else i for i in kept]


def compose(sos: Sos, *, limit: int) -> Question:
    """Write a question that a stranger can answer, within a number of tokens.

    Every part that does not fit is shortened and says so. Raises ConfigurationError when the
    limit leaves no room for anything.
    """
    system, user = prompting.fitted(
        prompting.FRONTIER,
        limit,
        _data(sos),
        reason=_REASONS[sos.reason],
        language=language.name(language.of(sos.issue)),
    )
    if likely_tokens([system, user]) > limit:
        raise ConfigurationError(
            f"max_input_tokens = {limit} in [frontier] of the profile leaves no room for a "
            "question; raise it."
        )
    return Question(system.content, user.content)


def read_advice(reply: Reply) -> Advice:
    """Read the advice from a reply.

    Raises MalformedReply when there is none in it; the question is not put a second time, for
    that would cost again.
    """
    return structured.read(reply, Advice)


def with_advice(blueprint: Blueprint, advice: Advice) -> Blueprint:
    """Return a blueprint whose steps are those of the advice; its design and scenarios stay."""
    summary = f"{blueprint.summary}\n\nAdvice after failed attempts: {advice.summary}"
    return blueprint.model_copy(update={"summary": summary, "action_items": advice.action_items})


def as_verdicts(advice: Advice) -> tuple[str, ...]:
    """Return the advice as verdicts on the attempts before, for a Coder without a blueprint."""
    return (
        f"A more capable model looked at the failed attempts and advises: {advice.summary}",
        *(f"It advises: {item}" for item in advice.action_items),
    )


def _data(sos: Sos) -> dict[str, Data]:
    plan = sos.plan
    return {
        "question": Data("question", sos.question, empty=_NO_QUESTION),
        "issue": prompting.of_issue(sos.issue),
        "plan": Data(
            "plan", f"{plan.summary}\n{prompting.numbered(plan.action_items)}" if plan else ""
        ),
        "tried": Data("attempts", "\n\n".join(_told(n, a) for n, a in enumerate(sos.attempts, 1))),
        "evidence": Data("evidence", sos.evidence),
        "code": Data("code", sos.code, budget.by_files),
    }


def _told(number: int, attempt: Attempt) -> str:
    said = attempt.message.strip() or "(nothing said)"
    return f"Attempt {number}: {said}\nNot let through:\n{prompting.bullets(attempt.verdicts)}"
