from datetime import date
from itertools import islice

from fortnight import between, next_after, occurrences, parse


def dates(words, limit=4):
    return [str(day) for day in islice(occurrences(parse(words)), limit)]


def test_days_and_weeks_are_counted_from_the_start():
    assert dates("every 10 days from 2026-02-20") == [
        "2026-02-20",
        "2026-03-02",
        "2026-03-12",
        "2026-03-22",
    ]
    assert dates("every 2 weeks from 2026-01-05", 3) == ["2026-01-05", "2026-01-19", "2026-02-02"]


def test_a_day_that_every_month_has_stays():
    assert dates("monthly from 2026-01-15", 3) == ["2026-01-15", "2026-02-15", "2026-03-15"]


def test_rent_due_on_the_30th_of_april_stays_on_the_30th():
    assert dates("monthly from 2026-04-30") == [
        "2026-04-30",
        "2026-05-30",
        "2026-06-30",
        "2026-07-30",
    ]


def test_a_rule_from_the_28th_of_february_stays_on_the_28th():
    assert dates("monthly from 2026-02-28", 3) == ["2026-02-28", "2026-03-28", "2026-04-28"]


def test_years_are_counted_from_the_start():
    assert dates("every 2 years from 2026-06-01", 3) == ["2026-06-01", "2028-06-01", "2030-06-01"]


def test_a_count_ends_a_rule():
    assert dates("daily from 2026-01-05, 2 times") == ["2026-01-05", "2026-01-06"]


def test_a_last_day_ends_a_rule():
    assert dates("weekly from 2026-01-05, until 2026-01-19") == [
        "2026-01-05",
        "2026-01-12",
        "2026-01-19",
    ]


def test_a_moved_weekend_does_not_move_the_dates_after_it():
    assert dates("monthly from 2026-08-15, or the business day after", 3) == [
        "2026-08-17",
        "2026-09-15",
        "2026-10-15",
    ]


def test_the_next_date_is_later_than_the_day_given():
    rule = parse("weekly from 2026-01-05")
    assert next_after(rule, date(2026, 1, 4)) == date(2026, 1, 5)
    assert next_after(rule, date(2026, 1, 5)) == date(2026, 1, 12)


def test_a_moved_date_counts_as_the_next_one():
    rule = parse("monthly from 2026-01-31, or the business day after")
    assert next_after(rule, date(2026, 2, 1)) == date(2026, 2, 2)


def test_there_is_no_next_date_when_the_rule_is_over():
    assert next_after(parse("daily from 2026-01-05, once"), date(2026, 1, 5)) is None


def test_both_ends_of_a_range_are_included():
    rule = parse("weekly from 2026-01-05")
    assert between(rule, date(2026, 1, 12), date(2026, 1, 19)) == [
        date(2026, 1, 12),
        date(2026, 1, 19),
    ]
