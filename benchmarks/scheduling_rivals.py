"""Baton's scheduler against other people's routers, on one Mac and the same trace of issues.

The trace is the one of ``./dev bench scheduling``; ``_rivals.py`` says how each rival is driven and
set up. Baton and plain Ollama are played as in that benchmark, so ``direct`` (plain Ollama over
HTTP on the rivals' clock) next to ``ollama`` shows what the way of measuring adds.
"""

import argparse
import sys

from benchmarks._rivals import RIVALS, play
from benchmarks._scheduling_trace import Outcome, trace
from benchmarks.scheduling import percentile
from benchmarks.scheduling import play as play_ours
from shared import profiles
from shared.errors import ConfigurationError
from shared.scheduler import Policy, Priority

ISSUES = 20
GAP = 300.0
OURS = ("baton", "ollama")


def row(way: str, outcome: Outcome, refused: int, unserved: int) -> str:
    """Return a line of the table."""
    batch, people = outcome.of(Priority.BATCH), outcome.of(Priority.INTERACTIVE)
    return (
        f"| {way} | {outcome.switches} | {outcome.makespan / 3600:.2f} "
        f"| {percentile(batch, 0.5):.0f} | {percentile(batch, 0.95):.0f} "
        f"| {percentile(people, 0.5):.0f} | {percentile(people, 0.95):.0f} "
        f"| {refused} | {unserved} |"
    )


def main() -> int:
    """Measure and print; 1 when a rival could not be driven."""
    parser = argparse.ArgumentParser(prog="./dev bench scheduling_rivals", description=__doc__)
    parser.add_argument("--issues", type=int, default=ISSUES)
    parser.add_argument("--gap", type=float, default=GAP)
    options = parser.parse_args()
    profile, jobs = profiles.load("single-64gb"), trace(options.issues, options.gap)
    print(
        "| way | switches | makespan h | batch wait p50 s | p95 | people p50 s | p95 "
        "| refusals | unserved issues |"
    )
    print("|---|" + "---:|" * 8)
    outcomes: dict[str, Outcome] = {}
    for way in OURS:
        outcomes[way] = play_ours(way, profile, jobs, Policy().patience_seconds)
        print(row(way, outcomes[way], 0, 0), flush=True)
    missing = []
    for rival in RIVALS:
        try:
            outcomes[rival.name], played = play(rival, profile, jobs)
        except ConfigurationError as error:
            missing.append(rival.name)
            print(f"{rival.name} could not be driven. {error}", file=sys.stderr)
            continue
        print(row(rival.name, outcomes[rival.name], played.refused, played.unserved), flush=True)
    baton = outcomes.pop("baton")
    said = " ".join(
        f"{name.replace('-', '_')}_switches={other.switches} "
        f"{name.replace('-', '_')}_makespan_h={other.makespan / 3600:.2f}"
        for name, other in outcomes.items()
    )
    print(
        f"\nscheduling_rivals: baton_switches={baton.switches} "
        f"baton_makespan_h={baton.makespan / 3600:.2f} {said}"
    )
    return 1 if missing else 0


if __name__ == "__main__":
    sys.exit(main())
