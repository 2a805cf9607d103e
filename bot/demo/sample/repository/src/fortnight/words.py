"""Read a rule from words."""

import re
from dataclasses import replace
from datetime import date

from fortnight.rules import Rule, RuleError, Unit, Weekend

_NAMED = {"daily": Unit.DAY, "weekly": Unit.WEEK, "monthly": Unit.MONTH, "yearly": Unit.YEAR}
_HEAD = re.compile(
    r"(?:(?P<named>daily|weekly|monthly|yearly)"
    r"|every (?:(?P<interval>\d+) )?(?P<unit>day|week|month|year)s?)"
    r" from (?P<start>\S+)"
)
_WEEKEND = re.compile(r"or the business day (?P<side>before|after)")
_COUNT = re.compile(r"(?P<count>\d+) times?|(?P<once>once)")
_UNTIL = re.compile(r"until (?P<until>\S+)")


def parse(text: str) -> Rule:
    """Read a rule such as ``every 2 weeks from 2026-01-05, or the business day after, 4 times``.

    Raises RuleError, which quotes the part that was not understood.
    """
    head, *rest = [" ".join(part.split()).lower() for part in text.split(",")]
    rule = _head(head)
    for part in rest:
        rule = _apply(rule, part)
    return rule


def _head(part: str) -> Rule:
    found = _HEAD.fullmatch(part)
    if found is None:
        raise RuleError(f'"{part}" is not like "every 2 weeks from 2026-01-05"')
    unit = _NAMED[found["named"]] if found["named"] else Unit(found["unit"])
    return Rule(unit, _date(found["start"]), interval=int(found["interval"] or 1))


def _apply(rule: Rule, part: str) -> Rule:
    if found := _WEEKEND.fullmatch(part):
        return replace(rule, weekend=Weekend(found["side"]))
    if found := _COUNT.fullmatch(part):
        return replace(rule, count=1 if found["once"] else int(found["count"]))
    if found := _UNTIL.fullmatch(part):
        return replace(rule, until=_date(found["until"]))
    raise RuleError(f'"{part}" is neither a weekend rule nor an end')


def _date(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise RuleError(f'"{text}" is not a date like 2026-01-31') from None
