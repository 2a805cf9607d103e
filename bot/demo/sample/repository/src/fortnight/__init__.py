"""Recurring dates in plain words."""

from fortnight.describe import describe
from fortnight.rules import Rule, RuleError, Unit, Weekend
from fortnight.series import between, next_after, occurrences
from fortnight.words import parse

__all__ = [
    "Rule",
    "RuleError",
    "Unit",
    "Weekend",
    "between",
    "describe",
    "next_after",
    "occurrences",
    "parse",
]
