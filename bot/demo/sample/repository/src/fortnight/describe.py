"""Put a rule into words."""

from datetime import date

from fortnight.rules import Rule, Unit, Weekend

_SINGLE = {Unit.DAY: "daily", Unit.WEEK: "weekly", Unit.MONTH: "monthly", Unit.YEAR: "yearly"}
_TEENS = (11, 12, 13)
_ENDINGS = {1: "st", 2: "nd", 3: "rd"}


def describe(rule: Rule) -> str:
    """Return a rule in words, such as ``monthly on the 15th, until 2026-12-31``."""
    parts = [_how_often(rule) + _on(rule)]
    if rule.weekend is not Weekend.STAY:
        parts.append(f"or the business day {rule.weekend.value}")
    if rule.count is not None:
        parts.append("once" if rule.count == 1 else f"{rule.count} times")
    if rule.until is not None:
        parts.append(f"until {rule.until}")
    return ", ".join(parts)


def ordinal(number: int) -> str:
    """Return ``1st``, ``2nd``, ``3rd``, ``11th``, ``31st``."""
    if number % 100 in _TEENS:
        return f"{number}th"
    return f"{number}{_ENDINGS.get(number % 10, 'th')}"


def _how_often(rule: Rule) -> str:
    if rule.interval == 1:
        return _SINGLE[rule.unit]
    return f"every {rule.interval} {rule.unit.value}s"


def _on(rule: Rule) -> str:
    match rule.unit:
        case Unit.DAY:
            return ""
        case Unit.WEEK:
            return f" on {rule.start:%A}"
        case Unit.MONTH:
            return f" on the {ordinal(rule.start.day)}"
        case Unit.YEAR:
            return f" on {_day_and_month(rule.start)}"


def _day_and_month(day: date) -> str:
    return f"{day.day} {day:%B}"
