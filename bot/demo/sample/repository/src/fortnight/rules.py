"""What a recurring date is made of."""

from dataclasses import dataclass
from datetime import date
from enum import Enum


class RuleError(ValueError):
    """A rule that makes no sense, or words that are not a rule."""


class Unit(Enum):
    """What an interval counts."""

    DAY = "day"
    WEEK = "week"
    MONTH = "month"
    YEAR = "year"


class Weekend(Enum):
    """What happens to a date that falls on a Saturday or Sunday."""

    STAY = "stay"
    BEFORE = "before"
    AFTER = "after"


@dataclass(frozen=True)
class Rule:
    """Every ``interval`` units from ``start``, until it ends if it does."""

    unit: Unit
    start: date
    interval: int = 1
    weekend: Weekend = Weekend.STAY
    count: int | None = None
    until: date | None = None

    def __post_init__(self) -> None:
        if self.interval < 1:
            raise RuleError(f"the interval must be at least 1, not {self.interval}")
        if self.count is not None and self.count < 1:
            raise RuleError(f"a rule happens at least once, not {self.count} times")
        if self.until is not None and self.until < self.start:
            raise RuleError(f"the rule ends on {self.until}, before it starts on {self.start}")
