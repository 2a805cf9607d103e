"""The values that travel between the packages: frozen, validated, free of I/O."""

import hashlib
from collections.abc import Sequence
from enum import StrEnum
from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field


class Value(BaseModel):
    """Base of every frozen value."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Language(StrEnum):
    """The languages in which Baton writes to people."""

    ENGLISH = "en"
    KOREAN = "ko"


class IssueType(StrEnum):
    """What kind of work an issue asks for."""

    BUG = "bug"
    FEATURE = "feature"
    REFACTOR = "refactor"
    DOCUMENTATION = "documentation"
    QUESTION = "question"


class Difficulty(StrEnum):
    """How hard an issue looks; a prior, revised on the way."""

    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"


class Role(StrEnum):
    """The agents that a model can play."""

    ROUTER = "router"
    PLANNER = "planner"
    CODER = "coder"
    REVIEWER = "reviewer"
    TESTER = "tester"
    DOCUMENTER = "documenter"

    @property
    def agent(self) -> str:
        """Name the agent as people see it on GitHub."""
        return _AGENTS[self]


_AGENTS = {
    Role.ROUTER: "Router",
    Role.PLANNER: "Planner",
    Role.CODER: "Dev1_Senior",
    Role.REVIEWER: "Dev2_Reviewer",
    Role.TESTER: "Tester_QA",
    Role.DOCUMENTER: "Documenter",
}


class Stage(StrEnum):
    """Where a run stands."""

    RECEIVED = "received"
    TRIAGE = "triage"
    NEEDS_HUMAN = "needs_human"
    AWAITING_PLANNER = "awaiting_planner"
    PLANNING = "planning"
    AWAITING_PLAN = "awaiting_plan"
    AWAITING_FRONTIER = "awaiting_frontier"
    AWAITING_PACKAGES = "awaiting_packages"
    AWAITING_PATHS = "awaiting_paths"
    TESTING = "testing"
    CODING = "coding"
    REVIEWING = "reviewing"
    VERIFYING = "verifying"
    PROPOSING = "proposing"
    PROPOSED = "proposed"
    FOLLOWING_UP = "following_up"
    STOPPED = "stopped"
    CANCELLED = "cancelled"
    CLOSED = "closed"

    @property
    def is_final(self) -> bool:
        """Tell whether nothing more happens without a new event."""
        return self in {Stage.STOPPED, Stage.CANCELLED, Stage.CLOSED}

    @property
    def awaits_person(self) -> bool:
        """Tell whether a person's answer is waited for."""
        return self in {
            Stage.NEEDS_HUMAN,
            Stage.AWAITING_PLANNER,
            Stage.AWAITING_PLAN,
            Stage.AWAITING_FRONTIER,
            Stage.AWAITING_PACKAGES,
            Stage.AWAITING_PATHS,
        }


class RepoRef(Value):
    """A repository by owner and name."""

    owner: str = Field(pattern=r"^[A-Za-z0-9](?:[A-Za-z0-9-]{0,38})$")
    # Dots alone would lead out of the folders that are named after repositories.
    name: str = Field(pattern=r"^\.*[A-Za-z0-9_-][A-Za-z0-9._-]*$", max_length=100)

    @classmethod
    def parse(cls, full_name: str) -> Self:
        """Read ``owner/name``."""
        owner, _, name = full_name.partition("/")
        return cls(owner=owner, name=name)

    def __str__(self) -> str:
        return f"{self.owner}/{self.name}"


class Issue(Value):
    """An issue, or a pull request seen as one, as it was read from GitHub at one moment."""

    repo: RepoRef
    number: Annotated[int, Field(ge=1)]
    title: str
    body: str
    author: str
    labels: tuple[str, ...] = ()
    is_open: bool = True
    is_pull: bool = False

    @property
    def digest(self) -> str:
        """Identify title and body; an approval is bound to it. SHA-256, hexadecimal."""
        return hashlib.sha256(f"{self.title}\0{self.body}".encode()).hexdigest()


class Case(StrEnum):
    """Work of a kind that local models are likely to fail at."""

    NONE = "none"
    ARCHITECTURE = "architecture"
    NEWER_LIBRARY = "newer_library"
    HARD_MATHS = "hard_maths"
    RESISTANT_BUG = "resistant_bug"


class Triage(Value):
    """The router's guess about an issue."""

    type: IssueType
    difficulty: Difficulty
    confidence: Annotated[float, Field(ge=0, le=1)]
    self_reflection: bool
    case: Case = Case.NONE

    @property
    def needs_planner(self) -> bool:
        """Tell whether a blueprint is due before anything is built."""
        return self.difficulty is not Difficulty.LOW


class Scenario(Value):
    """One behaviour that a test has to pin down."""

    name: str
    given: str
    when: str
    then: str


ActionItems = Annotated[tuple[str, ...], Field(min_length=1, max_length=5)]
Scenarios = Annotated[tuple[Scenario, ...], Field(min_length=1, max_length=12)]


class SubTask(Value):
    """A part of large work, with tests and a commit of its own."""

    title: Annotated[str, Field(min_length=1)]
    action_items: ActionItems
    scenarios: Scenarios
    files: tuple[str, ...] = ()


class Blueprint(Value):
    """The planner's design: a short summary to work from, and the whole to look up.

    ``expected_lines`` are those that change, 0 when unknown; ``unknown_apis`` names what the change
    relies on and the planner has not seen. ``subtasks`` are in the order of building.
    """

    summary: str
    action_items: ActionItems
    scenarios: Scenarios
    files: tuple[str, ...] = ()
    # As long as llama.cpp's grammars let a text be; see agents/structured.py.
    design: Annotated[str, Field(json_schema_extra={"maxLength": 1990})] = ""
    expected_lines: Annotated[int, Field(ge=0)] = 0
    unknown_apis: Annotated[tuple[str, ...], Field(max_length=12)] = ()
    subtasks: Annotated[tuple[SubTask, ...], Field(max_length=6)] = ()
    case: Case = Case.NONE

    @property
    def parts(self) -> tuple[Self, ...]:
        """Return what is built one after another: the whole, or a blueprint for each sub-task."""
        if len(self.subtasks) < 2:  # noqa: PLR2004 - one part is the whole
            return (self,)
        titles = [task.title for task in self.subtasks]
        return tuple(
            self.model_copy(
                update={
                    "summary": _part_of(self.summary, titles, number),
                    "action_items": task.action_items,
                    "scenarios": task.scenarios,
                    "files": task.files,
                    "expected_lines": 0,
                    "subtasks": (),
                }
            )
            for number, task in enumerate(self.subtasks)
        )


def _part_of(summary: str, titles: Sequence[str], number: int) -> str:
    head = f"Part {number + 1} of {len(titles)}: {titles[number]}"
    done = f"Built already: {'; '.join(titles[:number])}" if number else ""
    later = f"Not yet, leave it: {'; '.join(titles[number + 1 :])}" if titles[number + 1 :] else ""
    return "\n".join(line for line in (head, done, later, f"The whole: {summary}") if line)


class Severity(StrEnum):
    """How much a review finding weighs."""

    BLOCKING = "blocking"
    ADVICE = "advice"


class Finding(Value):
    """One remark of the reviewer."""

    severity: Severity
    file: str
    line: Annotated[int, Field(ge=0)] = 0
    why: str
    suggestion: str = ""


class Review(Value):
    """The reviewer's judgement of one diff."""

    summary: str
    findings: tuple[Finding, ...] = ()

    @property
    def blocking(self) -> tuple[Finding, ...]:
        """Return the findings that must be answered before the work goes on."""
        return tuple(f for f in self.findings if f.severity is Severity.BLOCKING)


class Report(Value):
    """The documenter's account of the finished work."""

    summary: str
    changelog: str
