from datetime import date

import pytest

from fortnight.dates import add_months, add_years, days_in_month, is_business_day, off_weekend
from fortnight.rules import Weekend

SATURDAY = date(2026, 1, 31)


def test_months_know_their_length():
    assert [days_in_month(2026, month) for month in (1, 2, 4)] == [31, 28, 30]


def test_leap_years_have_a_longer_february():
    assert days_in_month(2028, 2) == 29


@pytest.mark.parametrize(
    ("start", "months", "expected"),
    [
        (date(2026, 1, 15), 1, date(2026, 2, 15)),
        (date(2026, 11, 15), 3, date(2027, 2, 15)),
        (date(2026, 1, 31), 1, date(2026, 2, 28)),
        (date(2026, 4, 30), 1, date(2026, 5, 30)),
    ],
)
def test_months_are_added_within_the_length_of_the_month(start, months, expected):
    assert add_months(start, months) == expected


def test_the_leap_day_becomes_the_28th_in_other_years():
    assert add_years(date(2024, 2, 29), 1) == date(2025, 2, 28)


def test_weekends_are_no_business_days():
    assert [is_business_day(date(2026, 1, day)) for day in (30, 31)] == [True, False]


@pytest.mark.parametrize(
    ("weekend", "expected"),
    [
        (Weekend.STAY, SATURDAY),
        (Weekend.BEFORE, date(2026, 1, 30)),
        (Weekend.AFTER, date(2026, 2, 2)),
    ],
)
def test_a_saturday_moves_to_the_side_asked_for(weekend, expected):
    assert off_weekend(SATURDAY, weekend) == expected
