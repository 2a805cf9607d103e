"""Print the dates of a rule: ``fortnight "monthly from 2026-01-15, 3 times"``."""

import argparse
import sys
from collections.abc import Sequence
from datetime import date
from itertools import islice

from fortnight.rules import RuleError
from fortnight.series import next_after, occurrences
from fortnight.words import parse


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; return its exit code."""
    options = _parser().parse_args(arguments)
    try:
        rule = parse(options.rule)
    except RuleError as error:
        print(f"fortnight: {error}", file=sys.stderr)
        return 2
    if options.next:
        print(next_after(rule, options.today) or "no more dates")
        return 0
    for day in islice(occurrences(rule), options.limit):
        print(day)
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="fortnight", description=__doc__)
    parser.add_argument("rule", help="the rule in words")
    parser.add_argument("--limit", type=int, default=10, help="dates to print (10)")
    parser.add_argument("--next", action="store_true", help="only the first date after --today")
    parser.add_argument("--today", type=date.fromisoformat, default=date.today(), metavar="DATE")
    return parser


if __name__ == "__main__":
    sys.exit(main())
