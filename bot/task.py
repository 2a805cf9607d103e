"""What a run has come to know and to make: all that the next role starts from.

A stage is done when its outcome stands here. So a run goes on from any snapshot of its task:
what is there is kept, what is missing is made.
"""

from enum import StrEnum
from typing import Self

from agents import loop
from agents.difficulty import Assessment, Helper
from agents.frontier import Advice, Attempt, as_verdicts, with_advice
from shared.domain import Blueprint, Case, Finding, Issue, Triage, Value
from shared.profiles import Approvals
from shared.target import TestRun


class Basis(Value):
    """What a run works from: the issue as it reads, and the commit it starts at."""

    issue: Issue
    base_branch: str
    base_sha: str
    asks: Approvals | None = None
    """What waits for a person there, by the profile and the repository's own rules."""


class Way(StrEnum):
    """Whether a plan comes first: as the triage says, or as a person does."""

    OPEN = ""
    PLAN = "plan"
    BUILD = "build"


class Assignment(Value):
    """What is to be built, and from which commit; of large work the part whose turn it is."""

    issue: Issue
    triage: Triage
    blueprint: Blueprint | None
    base_sha: str


class Red(Value):
    """The new tests, committed, and the proof that they fail without the change."""

    base_sha: str
    sha: str
    base: TestRun
    run: TestRun
    new_tests: tuple[str, ...]
    files: tuple[str, ...]

    @classmethod
    def none(cls, sha: str, run: TestRun) -> Self:
        """Return the case of a follow-up: no new tests, nothing that must not be written."""
        return cls(base_sha=sha, sha=sha, base=run, run=run, new_tests=(), files=())


class Change(Value):
    """A finished change: its commit, its proof, and what the review left open."""

    sha: str
    red: Red
    green: TestRun
    message: str
    remarks: tuple[Finding, ...] = ()

    def after(self, earlier: Self) -> Self:
        """Return this change and an earlier one, on which it builds, as one."""
        first, last = earlier.red, self.red
        red = last.model_copy(
            update={
                "base_sha": first.base_sha,
                "base": first.base,
                "new_tests": (*first.new_tests, *last.new_tests),
                "files": tuple(dict.fromkeys((*first.files, *last.files))),
            }
        )
        messages = (message for message in (earlier.message, self.message) if message)
        return self.model_copy(
            update={
                "red": red,
                "message": "\n\n".join(messages),
                "remarks": (*earlier.remarks, *self.remarks),
            }
        )


class Task(Value):
    """The state of the work on an issue.

    ``red``, ``draft``, ``verdicts``, ``change`` and ``reviewed`` are those of the part whose turn
    it is; ``finished`` are the parts before.
    """

    basis: Basis
    triage: Triage | None = None
    """The router's guess; its difficulty is that of the last assessment."""
    way: Way = Way.OPEN
    assessments: tuple[Assessment, ...] = ()
    blueprint: Blueprint | None = None
    finished: tuple[Change, ...] = ()
    red: Red | None = None
    draft: str = ""
    """The tree of a change that was under way; the next attempt starts from it."""
    verdicts: tuple[str, ...] = ()
    """Why the attempt before did not pass."""
    change: Change | None = None
    reviewed: bool = False
    tried: tuple[Attempt, ...] = ()
    """The attempts that have failed since somebody helped last."""
    wanted: Helper | None = None
    """Whose help the building waits for."""
    held: loop.Attempt | None = None
    """The attempt whose draft waits for packages; its tests are run first when they are there."""
    agreed: tuple[str, ...] = ()
    """The Python packages that a person has let in while the change was being built."""
    question: str = ""
    """What a person wants a cloud model to be asked."""
    offers: int = 0
    """How often a cloud model's advice was offered."""
    advised: bool = False
    """Whether the attempts under way follow an advice."""
    unadvised: bool = False
    """Whether that offer came to nothing, so that it is not made again."""
    guarded: tuple[str, ...] = ()
    """What of the finished change needs a person's yes before it is pushed, in sentences."""
    packages: tuple[str, ...] = ()
    """The Python packages that it brings in; none is installed before a person's yes."""
    builds: int = 0
    """How often the building was handed over."""

    def with_(self, **outcome: object) -> Self:
        """Return the task with a further outcome."""
        return self.model_copy(update=outcome)

    def assessed(self, assessment: Assessment) -> Self:
        """Return the task at a revised difficulty; what was known before stays in the list.

        Raises AssertionError before the issue is triaged.
        """
        assert self.triage is not None, "the router guesses first"
        triage = self.triage.model_copy(update={"difficulty": assessment.difficulty})
        return self.with_(triage=triage, assessments=(*self.assessments, assessment))

    @property
    def assessment(self) -> Assessment:
        """Return the last assessment; there is one from triage on."""
        return self.assessments[-1]

    @property
    def parts(self) -> tuple[Blueprint | None, ...]:
        """Return what is built one after another; without a plan it is the issue itself."""
        return self.blueprint.parts if self.blueprint is not None else (None,)

    @property
    def part_titles(self) -> tuple[str, ...]:
        """Name the parts of large work; nothing where there is but one."""
        if self.blueprint is None or len(self.parts) == 1:
            return ()
        return tuple(task.title for task in self.blueprint.subtasks)

    @property
    def part_title(self) -> str:
        """Name the part whose turn it is, for the subject of a commit."""
        titles = self.part_titles
        number = len(self.finished)
        return f" ({number + 1} of {len(titles)}: {titles[number]})" if titles else ""

    @property
    def is_built(self) -> bool:
        """Tell whether every part is built and reviewed."""
        return self.reviewed and len(self.finished) + 1 == len(self.parts)

    @property
    def assignment(self) -> Assignment:
        """Return what is to be built next.

        Raises AssertionError before the issue is triaged.
        """
        assert self.triage is not None, "an issue is triaged before anything is built"
        return Assignment(
            issue=self.basis.issue,
            triage=self.triage,
            blueprint=self.parts[len(self.finished)],
            base_sha=self.base_sha,
        )

    @property
    def base_sha(self) -> str:
        """Return the commit on which the part whose turn it is builds."""
        return self.finished[-1].sha if self.finished else self.basis.base_sha

    @property
    def changes(self) -> tuple[Change, ...]:
        """Return all changes, one for each part that has one."""
        return (*self.finished, self.change) if self.change is not None else self.finished

    @property
    def whole(self) -> Change:
        """Return all changes as one, which is what is proposed.

        Raises AssertionError when there is none.
        """
        assert self.changes, "only a finished change is proposed"
        whole, *more = self.changes
        for change in more:
            whole = change.after(whole)
        return whole

    @property
    def needs_plan(self) -> bool:
        """Tell whether a plan is still to be made before anything is built."""
        if self.blueprint is not None or self.way is Way.BUILD:
            return False
        return self.way is Way.PLAN or self.assignment.triage.needs_planner

    @property
    def case(self) -> Case:
        """Return for which a cloud model is worth asking; the Planner knows better than the Router.

        Raises AssertionError before the issue is triaged.
        """
        if self.blueprint is not None:
            return self.blueprint.case
        assert self.triage is not None, "the router guesses first"
        return self.triage.case

    @property
    def wants_counsel(self) -> bool:
        """Tell whether a cloud model may be asked before anything is built."""
        if self.question:
            return True
        is_new = self.red is None and not self.offers and not self.unadvised
        return is_new and self.case is not Case.NONE

    @property
    def sha(self) -> str:
        """Return the newest commit of the work; the base while there is none."""
        if self.change is not None:
            return self.change.sha
        return self.red.sha if self.red is not None else self.base_sha

    def next_part(self) -> Self:
        """Put the finished part aside and go on with the next."""
        assert self.change is not None, "a part is finished by its change"
        return self.with_(
            finished=(*self.finished, self.change), red=None, change=None, reviewed=False
        )

    def anew(self, blueprint: Blueprint) -> Self:
        """Begin the building again, by a plan; what was learned about the difficulty stays."""
        return self.with_(
            blueprint=blueprint,
            finished=(),
            red=None,
            draft="",
            verdicts=(),
            change=None,
            reviewed=False,
            tried=(),
            wanted=None,
            held=None,
        )

    def with_advice(self, advice: Advice) -> Self:
        """Go on with what a cloud model advises; the tests that stand stay."""
        told = self.with_(tried=(), wanted=None, advised=True)
        if self.blueprint is None or len(self.parts) > 1:
            return told.with_(verdicts=(*self.verdicts, *as_verdicts(advice)))
        return told.with_(blueprint=with_advice(self.blueprint, advice))

    def without_advice(self) -> Self:
        """Go on with the attempts that are left, and do not offer the question again."""
        return self.with_(wanted=None, advised=False, unadvised=True)

    def failed(self, attempt: Attempt) -> Self:
        """Note an attempt that was not let through; the next one starts afresh, and is told why."""
        tried = (*self.tried, attempt)
        return self.with_(tried=tried, verdicts=attempt.verdicts, draft="", held=None)

    def waits_for_packages(self, attempt: loop.Attempt, tree: str) -> Self:
        """Hold an attempt that cannot be judged without packages that nobody has let in."""
        return self.with_(wanted=Helper.PACKAGES, held=attempt, draft=tree)

    def with_packages(self, packages: tuple[str, ...]) -> Self:
        """Go on with packages that a person has let in."""
        return self.with_(agreed=(*self.agreed, *packages), packages=(), wanted=None)
