"""How a repository under repair is set up and tested, and what a run of its tests proves."""

from shared.target.evidence import Evidence, evidence
from shared.target.gate import (
    GreenVerdict,
    RedVerdict,
    in_doubt,
    judge_green,
    judge_kept,
    judge_red,
    told_apart,
)
from shared.target.inside import lay_generated, mounts, variables
from shared.target.overrides import installable
from shared.target.prepare import prepare
from shared.target.runner import run_lint, run_tests
from shared.target.values import Failure, FailureKind, Outcome, Overrides, Target, TestRun

__all__ = [
    "Evidence",
    "Failure",
    "FailureKind",
    "GreenVerdict",
    "Outcome",
    "Overrides",
    "RedVerdict",
    "Target",
    "TestRun",
    "evidence",
    "in_doubt",
    "installable",
    "judge_green",
    "judge_kept",
    "judge_red",
    "lay_generated",
    "mounts",
    "prepare",
    "run_lint",
    "run_tests",
    "told_apart",
    "variables",
]
