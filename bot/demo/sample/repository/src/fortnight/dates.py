"""Arithmetic on single dates."""

from calendar import monthrange
from datetime import date, timedelta

from fortnight.rules import Weekend

SATURDAY = 5


def days_in_month(year: int, month: int) -> int:
    """Return how many days a month has."""
    return monthrange(year, month)[1]


def add_months(day: date, months: int) -> date:
    """Move a date by whole months; a day the month does not have becomes its last day."""
    year, month = divmod(day.year * 12 + day.month - 1 + months, 12)
    return date(year, month + 1, min(day.day, days_in_month(year, month + 1)))


def add_years(day: date, years: int) -> date:
    """Move a date by whole years; 29 February becomes the 28th where there is none."""
    return add_months(day, 12 * years)


def is_business_day(day: date) -> bool:
    """Tell whether a date is a Monday to Friday."""
    return day.weekday() < SATURDAY


def off_weekend(day: date, weekend: Weekend) -> date:
    """Move a Saturday or Sunday to the business day that the rule asks for."""
    if weekend is Weekend.STAY:
        return day
    step = timedelta(days=-1 if weekend is Weekend.BEFORE else 1)
    while not is_business_day(day):
        day += step
    return day
