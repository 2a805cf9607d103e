from datetime import date

import pytest

from fortnight import Rule, RuleError, Unit, Weekend, parse


@pytest.mark.parametrize(
    ("words", "unit", "interval"),
    [
        ("daily from 2026-01-05", Unit.DAY, 1),
        ("Every  2 weeks from 2026-01-05", Unit.WEEK, 2),
        ("every month from 2026-01-05", Unit.MONTH, 1),
        ("yearly from 2026-01-05", Unit.YEAR, 1),
    ],
)
def test_how_often(words, unit, interval):
    assert parse(words) == Rule(unit, date(2026, 1, 5), interval)


def test_weekends_and_ends_follow_in_any_order():
    rule = parse("monthly from 2026-01-31, 12 times, or the business day before")
    assert (rule.weekend, rule.count) == (Weekend.BEFORE, 12)


def test_a_last_day():
    assert parse("daily from 2026-01-05, until 2026-02-01").until == date(2026, 2, 1)


@pytest.mark.parametrize(
    ("words", "quoted"),
    [
        ("sometimes", "sometimes"),
        ("daily from tomorrow", "tomorrow"),
        ("daily from 2026-01-05, maybe", "maybe"),
        ("every 0 days from 2026-01-05", "at least 1"),
        ("daily from 2026-01-05, until 2026-01-01", "before it starts"),
    ],
)
def test_a_mistake_is_quoted(words, quoted):
    with pytest.raises(RuleError, match=quoted):
        parse(words)
