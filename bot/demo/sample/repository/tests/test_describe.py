import pytest

from fortnight import describe, parse
from fortnight.describe import ordinal


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("daily from 2026-01-05", "daily"),
        ("every 2 weeks from 2026-01-05", "every 2 weeks on Monday"),
        ("monthly from 2026-01-15, until 2026-12-31", "monthly on the 15th, until 2026-12-31"),
        ("every 3 months from 2026-01-22", "every 3 months on the 22nd"),
        ("yearly from 2026-06-01, once", "yearly on 1 June, once"),
        (
            "monthly from 2026-01-01, or the business day after, 6 times",
            "monthly on the 1st, or the business day after, 6 times",
        ),
    ],
)
def test_rules_in_words(words, expected):
    assert describe(parse(words)) == expected


def test_ordinals():
    numbers = (1, 2, 3, 4, 11, 12, 13, 21, 22, 31)
    expected = "1st 2nd 3rd 4th 11th 12th 13th 21st 22nd 31st"
    assert [ordinal(number) for number in numbers] == expected.split()
