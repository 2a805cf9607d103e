"""Real bugs of packages that nobody here wrote, from issue to pull request.

Each issue of ``benchmarks/real_issues/`` is a bug that the next release fixed. The old release
becomes a git repository, the scripted model answers with the new release's own tests and fix, and
``baton run`` does all the rest: red on the old version, green after, a pull request. With
``--verify`` only the tests are run, on base, with the new tests, and with the fix.
"""

import argparse
import asyncio
import os
import re
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import platformdirs

from benchmarks.real_issues.answers import write_recording
from benchmarks.real_issues.edits import applied, edits
from benchmarks.real_issues.manifest import RealIssue, load_all
from benchmarks.real_issues.sources import releases, repository
from shared.sandbox import open_sandbox
from shared.target import evidence, judge_green, judge_red, prepare, run_tests
from shared.workspace.actions import EditFile

_PULL_REQUEST = re.compile(r"^Pull request: (?P<url>\S+)", re.MULTILINE)
_TESTS = re.compile(
    r"^Tests: (?P<red>\d+) .*?; (?P<base>\d+) passed before, (?P<head>\d+) pass", re.MULTILINE
)
_MODELS = re.compile(r"^Models: .*?(?P<seconds>[\d.]+) s$", re.MULTILINE)
_LAST_LINES = 15


class Prepared(NamedTuple):
    """A repository with the bug, and what solves it."""

    issue: RealIssue
    repository: Path
    tests: tuple[EditFile, ...]
    fix: tuple[EditFile, ...]


class Result(NamedTuple):
    """What came of one issue; ``overhead`` are the seconds not spent waiting for a model."""

    overhead: float
    said: str
    solved: bool = False
    red: int = 0
    base: int = 0
    head: int = 0


def prepared(issue: RealIssue, folder: Path) -> Prepared:
    """Fetch both releases and derive tests and fix from their difference."""
    old, new = releases(issue, folder / "releases")
    tests = tuple(edit for part in issue.tests for edit in edits(part, old, new))
    fix = tuple(edit for part in issue.fix for edit in edits(part, old, new))
    return Prepared(issue, repository(old, folder / issue.package), tests, fix)


def solve(case: Prepared, folder: Path) -> Result:
    """Let ``baton run`` solve the issue with a scripted model."""
    recording = write_recording(case.issue, case.tests, case.fix, folder / "recording")
    issue = folder / "issue.md"
    issue.write_text(case.issue.issue.strip() + "\n", "utf-8")
    as_root = ["--allow-root-sandbox"] if os.geteuid() == 0 else []
    began = time.monotonic()
    finished = subprocess.run(
        [
            *(sys.executable, "-P", "-m", "bot", "run", "--yes", "--exit", *as_root),
            *("--repo", str(case.repository), "--issue", str(issue)),
            *("--recording", str(recording), "--keep", str(folder / "home")),
        ],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    seconds = time.monotonic() - began
    found, models = _TESTS.search(finished.stdout), _MODELS.search(finished.stdout)
    pull = _PULL_REQUEST.search(finished.stdout)
    if finished.returncode or not (found and models and pull):
        print("\n".join(finished.stdout.splitlines()[-_LAST_LINES:]), file=sys.stderr)
        return Result(overhead=seconds, said=f"exit code {finished.returncode}")
    (origin,) = (folder / "home" / "forge" / "git").glob("*/*.git")
    is_exact = branch_files(origin) == solved_files(case)
    return Result(
        solved=is_exact,
        red=int(found["red"]),
        base=int(found["base"]),
        head=int(found["head"]),
        overhead=seconds - float(models["seconds"]),
        said="pull request" if is_exact else "a pull request with another diff",
    )


def branch_files(origin: Path) -> Mapping[str, str]:
    """Return the files that the pull request's branch changes, as they stand there."""

    def git(*words: str) -> str:
        command = ("git", "--git-dir", str(origin), *words)
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout

    branch = git("for-each-ref", "--format=%(refname)", "refs/heads/baton/").strip()
    changed = git("diff", "--name-only", "main", branch).splitlines()
    return {path: git("show", f"{branch}:{path}") for path in changed}


def solved_files(case: Prepared) -> Mapping[str, str]:
    """Return the files that tests and fix change, as they should stand in the end."""
    files: dict[str, str] = {}
    for edit in (*case.tests, *case.fix):
        text = files.get(edit.path) or (case.repository / edit.path).read_text("utf-8")
        files[edit.path] = applied(edit, text)
    return files


async def verify(case: Prepared) -> Result:
    """Run the tests three times, and let the gate judge, without the rest of the road."""
    sandbox, root = open_sandbox(allow_root=True), case.repository
    began = time.monotonic()
    target = await prepare(root, platformdirs.user_cache_path("baton") / "environments", sandbox)
    base = await run_tests(target, root, sandbox)
    await asyncio.to_thread(_apply, case.tests, root)
    red = await run_tests(target, root, sandbox)
    await asyncio.to_thread(_apply, case.fix, root)
    head = await run_tests(target, root, sandbox)
    proof = evidence(base, red, head)
    objections = (*judge_red(base, red).sentences, *judge_green(base, red, head).sentences)
    return Result(
        overhead=time.monotonic() - began,
        said=" ".join(objections) or ", ".join(sorted({p.kind.value for p in proof.proofs})),
        solved=proof.holds,
        red=len(proof.proofs),
        base=proof.base.passed,
        head=proof.head.passed,
    )


def _apply(changes: Sequence[EditFile], root: Path) -> None:
    for change in changes:
        path = root / change.path
        path.write_text(applied(change, path.read_text("utf-8")), "utf-8")


def main() -> int:
    """Work on every issue, print the table and the last line."""
    parser = argparse.ArgumentParser(prog="./dev bench real_packages", description=__doc__)
    parser.add_argument("--verify", action="store_true", help="run the tests only, without the bot")
    parser.add_argument("package", nargs="*", help="only these packages")
    chosen = parser.parse_args()
    issues = [i for i in load_all() if not chosen.package or i.package in chosen.package]
    print("| package | issue | red | passed before | pass after | seconds | |")
    print("|---|---|---:|---:|---:|---:|---|")
    results = []
    for issue in issues:
        with tempfile.TemporaryDirectory(prefix="baton-real-") as name:
            folder = Path(name).resolve()
            case = prepared(issue, folder)
            result = asyncio.run(verify(case)) if chosen.verify else solve(case, folder)
        results.append(result)
        print(
            f"| {issue.package} {issue.old} | {issue.title} | {result.red} | {result.base} "
            f"| {result.head} | {result.overhead:.1f} | {result.said} |",
            flush=True,
        )
    solved = sum(result.solved for result in results)
    overhead = statistics.mean(result.overhead for result in results) if results else 0.0
    print(f"\nreal_packages: solved={solved} of={len(issues)} overhead_s={overhead:.1f}")
    return 0 if solved == len(issues) else 1


if __name__ == "__main__":
    sys.exit(main())
