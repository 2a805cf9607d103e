from fortnight.__main__ import main


def test_dates_are_printed_one_a_line(capsys):
    assert main(["every 10 days from 2026-01-05, 3 times"]) == 0
    assert capsys.readouterr().out.split() == ["2026-01-05", "2026-01-15", "2026-01-25"]


def test_an_endless_rule_is_cut_at_the_limit(capsys):
    assert main(["daily from 2026-01-05", "--limit", "2"]) == 0
    assert capsys.readouterr().out.split() == ["2026-01-05", "2026-01-06"]


def test_the_next_date_alone(capsys):
    assert main(["weekly from 2026-01-05", "--next", "--today", "2026-01-06"]) == 0
    assert capsys.readouterr().out == "2026-01-12\n"


def test_a_rule_that_is_not_understood_is_an_error(capsys):
    assert main(["whenever"]) == 2
    assert '"whenever" is not like' in capsys.readouterr().err
