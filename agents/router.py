"""The Router: sorts an issue. It has no tools and may only emit what Sorting allows: enums."""

from typing import Annotated

from pydantic import BeforeValidator, Field, WithJsonSchema

from agents import prompting, structured
from shared.chat import Chat
from shared.domain import Case, Difficulty, Issue, IssueType, Role, Triage, Value

ROOM = 5000
"""Tokens of the prompt; more of a long issue does not tell more about its difficulty."""
_SURENESS = {"high": 0.9, "medium": 0.6, "low": 0.3}
"""Words for a confidence: a small model that has to write a number writes 2, or 5."""


def _as_number(said: object) -> object:
    return _SURENESS.get(said, said) if isinstance(said, str) else said


class Sorting(Value):
    """What the model may say. A grammar cannot hold a number within bounds; a word it can."""

    type: IssueType
    difficulty: Difficulty
    confidence: Annotated[
        float,
        Field(ge=0, le=1),
        BeforeValidator(_as_number),
        WithJsonSchema({"type": "string", "enum": list(_SURENESS)}),
    ]
    self_reflection: bool
    case: Case = Case.NONE


async def triage(chat: Chat, issue: Issue) -> Triage:
    """Guess an issue's type and difficulty.

    Raises MalformedReply when the model gives no such guess after one correction.
    """
    asked = prompting.fitted(Role.ROUTER, ROOM, {"issue": prompting.of_issue(issue)})
    said = await structured.ask(chat, asked, Sorting)
    return Triage.model_validate(said.model_dump())
