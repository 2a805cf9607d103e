"""What goes into building a change, and what comes out with its proof."""

from typing import Self

from shared.domain import Blueprint, Finding, Issue, Triage, Value
from shared.target import TestRun


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
