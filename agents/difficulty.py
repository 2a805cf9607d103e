"""How hard an issue is, as far as one knows: a prior that each stage of the work revises.

The issue's text hardly predicts it (AUC .53 to .61 against human labels of 638 issues), the number
of changed lines does (.76 to .89). So the router's guess counts until there is a plan, the plan's
expected lines and files count from then on, and attempts that fail count most.
"""

from collections.abc import Sequence
from enum import StrEnum

from shared.domain import Blueprint, Difficulty, Triage, Value
from shared.workspace.policy import is_test_file

FAILURES = 2
"""Failed attempts after which the next stronger helper is asked for."""
_ORDER = (Difficulty.LOW, Difficulty.MEDIUM, Difficulty.HIGH)
_NEARLY = 0.8  # of the best file's score
_SPREAD = 4  # files that answer nearly as well as the best
_FEW_LINES, _MANY_LINES = 20, 150
_MANY_FILES, _MANY_UNKNOWN = 5, 3


class Grounds(StrEnum):
    """What an assessment rests on."""

    ISSUE = "issue"
    LOCATION = "location"
    PLAN = "plan"
    ATTEMPTS = "attempts"


class Assessment(Value):
    """A difficulty, what it rests on, and the reason in a sentence."""

    grounds: Grounds
    difficulty: Difficulty
    reason: str


class Helper(StrEnum):
    """Who is asked when attempts keep failing, or what a person has to agree to first."""

    PLANNER = "planner"
    FRONTIER = "frontier"
    PACKAGES = "packages"


def guessed(triage: Triage) -> Assessment:
    """Begin with the router's guess."""
    reason = f"The router's guess, {triage.confidence:.0%} sure."
    return Assessment(grounds=Grounds.ISSUE, difficulty=triage.difficulty, reason=reason)


def located(known: Assessment, scores: Sequence[float]) -> Assessment:
    """Revise by the scores of the files that answer to the issue, the best first."""
    near = sum(score >= _NEARLY * scores[0] for score in scores) if scores else 0
    if not near:
        return _at(Grounds.LOCATION, _higher(known), "No file answers to the issue.")
    if near >= _SPREAD:
        reason = f"{near} files answer to the issue about equally well."
        return _at(Grounds.LOCATION, _higher(known), reason)
    files = "one file" if near == 1 else f"{near} files"
    return _at(Grounds.LOCATION, known.difficulty, f"The issue points to {files}.")


def planned(known: Assessment, plan: Blueprint) -> Assessment:
    """Revise by the plan: expected lines and files, unknown interfaces, parts."""
    files = len({path for path in plan.files if not is_test_file(path)})
    lines, unknown, parts = plan.expected_lines, len(plan.unknown_apis), len(plan.parts)
    reason = f"The plan expects {lines or 'an unknown number of'} lines in {files} files"
    reason += f", {unknown} unknown interfaces" if unknown else ""
    reason += f", {parts} parts." if parts > 1 else "."
    many = lines > _MANY_LINES or files > _MANY_FILES or unknown >= _MANY_UNKNOWN
    if many or parts > 1:
        return _at(Grounds.PLAN, Difficulty.HIGH, reason)
    if 0 < lines <= _FEW_LINES and files <= 1 and not unknown:
        return _at(Grounds.PLAN, Difficulty.LOW, reason)
    if not lines:  # nothing that would speak against what is known
        return _at(Grounds.PLAN, max(known.difficulty, Difficulty.MEDIUM, key=_ORDER.index), reason)
    return _at(Grounds.PLAN, Difficulty.MEDIUM, reason)


def failed(known: Assessment, attempts: int) -> Assessment:
    """Raise by a failed attempt; ``attempts`` are those that have failed so far, at least one."""
    reason = f"{attempts} {'attempt has' if attempts == 1 else 'attempts have'} failed."
    return _at(Grounds.ATTEMPTS, _higher(known), reason)


def next_helper(failures: int, *, has_plan: bool, bound: int = FAILURES) -> Helper | None:
    """Return who is asked for after a number of failed attempts since the last help, if anybody."""
    if failures < bound:
        return None
    return Helper.FRONTIER if has_plan else Helper.PLANNER


def _higher(known: Assessment) -> Difficulty:
    return _ORDER[min(_ORDER.index(known.difficulty) + 1, len(_ORDER) - 1)]


def _at(grounds: Grounds, difficulty: Difficulty, reason: str) -> Assessment:
    return Assessment(grounds=grounds, difficulty=difficulty, reason=reason)
