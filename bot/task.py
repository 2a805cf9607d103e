"""What a run has come to know and to make: all that the next role starts from.

A stage is done when its outcome stands here. So a run goes on from any snapshot of its task:
what is there is kept, what is missing is made.
"""

from typing import Self

from shared.domain import Blueprint, Finding, Issue, Triage, Value
from shared.target import TestRun


class Basis(Value):
    """What a run works from: the issue as it reads, and the commit it starts at."""

    issue: Issue
    base_branch: str
    base_sha: str


class Assignment(Value):
    """What is to be built, and from which commit."""

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


class Task(Value):
    """The state of the work on an issue."""

    basis: Basis
    triage: Triage | None = None
    blueprint: Blueprint | None = None
    red: Red | None = None
    draft: str = ""
    """The tree of a change that was under way; the next attempt starts from it."""
    verdicts: tuple[str, ...] = ()
    """Why the attempt before did not pass."""
    change: Change | None = None
    reviewed: bool = False

    def with_(self, **outcome: object) -> Self:
        """Return the task with a further outcome."""
        return self.model_copy(update=outcome)

    @property
    def assignment(self) -> Assignment:
        """Return what is to be built.

        Raises AssertionError before the issue is triaged.
        """
        assert self.triage is not None, "an issue is triaged before anything is built"
        return Assignment(
            issue=self.basis.issue,
            triage=self.triage,
            blueprint=self.blueprint,
            base_sha=self.basis.base_sha,
        )

    @property
    def sha(self) -> str:
        """Return the newest commit of the work; the base while there is none."""
        if self.change is not None:
            return self.change.sha
        return self.red.sha if self.red is not None else self.basis.base_sha
