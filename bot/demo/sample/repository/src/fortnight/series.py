"""The dates of a rule, in order."""

from collections.abc import Iterator
from datetime import date, timedelta
from itertools import takewhile

from fortnight.dates import add_months, add_years, off_weekend
from fortnight.rules import Rule, Unit


def occurrences(rule: Rule) -> Iterator[date]:
    """Yield the dates of a rule; endlessly, if the rule does not end.

    Weekends move the date that is yielded, never the one that the next is counted from.
    """
    day, seen = rule.start, 0
    while not _is_over(rule, day, seen):
        yield off_weekend(day, rule.weekend)
        day, seen = _step(rule, day), seen + 1


def next_after(rule: Rule, day: date) -> date | None:
    """Return the first date of a rule that is later than a day, None if the rule is over by then."""
    candidate, seen = rule.start, 0
    while not _is_over(rule, candidate, seen):
        moved = off_weekend(candidate, rule.weekend)
        if moved > day:
            return moved
        candidate, seen = _step(rule, candidate), seen + 1
    return None


def between(rule: Rule, first: date, last: date) -> list[date]:
    """Return the dates of a rule from ``first`` to ``last``, both included."""
    before_end = takewhile(lambda day: day <= last, occurrences(rule))
    return [day for day in before_end if day >= first]


def _is_over(rule: Rule, day: date, seen: int) -> bool:
    if rule.count is not None and seen >= rule.count:
        return True
    return rule.until is not None and day > rule.until


def _step(rule: Rule, day: date) -> date:
    match rule.unit:
        case Unit.DAY:
            return day + timedelta(days=rule.interval)
        case Unit.WEEK:
            return day + timedelta(weeks=rule.interval)
        case Unit.MONTH:
            return add_months(day, rule.interval)
        case Unit.YEAR:
            return add_years(day, rule.interval)
