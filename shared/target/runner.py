"""Run a target's tests in the sandbox, and read what happened, test by test.

What the results are worth: pytest, the tests and the project share one process, so code that
means to lie can lie; no report written in there could prevent it. A report is believed only
if it agrees with the exit code and with pytest's closing line, which catches crashes, early
exits and simple forgeries. Against deliberate ones stand the red run on the base commit, the
check of what changed, and the person who reads the pull request.
"""

import asyncio
import os
import re
import stat
import tempfile
from collections.abc import Sequence
from pathlib import Path, PurePosixPath

from shared.errors import TargetError
from shared.sandbox.values import Command, Ended, Finished, Limits, Mount, Sandbox
from shared.target.inside import lay_generated, mounts, place, python, variables
from shared.target.junit import Results, parse
from shared.target.reports import FORMS
from shared.target.values import (
    Failure,
    FailureKind,
    Outcome,
    Reporter,
    Runner,
    Target,
    TestRun,
)

_SECONDS = 600.0
_REPORT = "report"
_LONGEST_OUTPUT = 16 * 1024 * 1024  # of tools whose output is their report
_LARGEST_REPORT = 32 * 1024 * 1024
_LOG_HEAD, _LOG_TAIL = 6_000, 14_000
_SAID = 2_000  # characters of a failed setup
_VERDICT = re.compile(
    r"^(?P<id>\S+?\.py::.*?) (?P<verdict>PASSED|FAILED|ERROR|SKIPPED|XFAIL|XPASS)\b", re.MULTILINE
)
# The rest of the line is faulthandler's, once it has lost patience.
_STARTED = re.compile(r"^(?P<id>\S+?\.py::\S.*?) ?(?:Timeout \([\d:.]+\)!)?$", re.MULTILINE)
_CLOSING = re.compile(r"^=*\s?(?:.*, )?(?P<passed>\d+) passed.* in [\d.]+s", re.MULTILINE)
# The patterns above look back and forth in a line; pytest writes none that is so long.
_LONGEST_LINE = 2000
# pytest's exit codes: https://docs.pytest.org/en/stable/reference/exit-codes.html
_PASSED, _FAILED, _NOTHING_COLLECTED = 0, 1, 5
_OUTCOMES = {
    "PASSED": Outcome.PASSED,
    "XPASS": Outcome.PASSED,
    "FAILED": Outcome.FAILED,
    "ERROR": Outcome.ERROR,
    "SKIPPED": Outcome.SKIPPED,
    "XFAIL": Outcome.XFAILED,
}


async def run_tests(
    target: Target,
    checkout: Path,
    sandbox: Sandbox,
    *,
    only: Sequence[str] = (),
    seconds: float = _SECONDS,
) -> TestRun:
    """Run the tests of a checkout, or those with the ids in ``only``.

    Raises TargetError when an id cannot be one or the repository's own setup fails, SandboxError
    when nothing could be run.
    """
    if target.setup:
        await _set_up(target, checkout, sandbox, seconds)
    if target.detection.reporter is not Reporter.NONE:
        return await _run_reporting(target, checkout, sandbox, seconds)
    if target.detection.runner is Runner.COMMAND:
        return await _run_command(target, checkout, sandbox, seconds)
    odd = next((test for test in only if test.startswith("-")), None)
    if odd:
        raise TargetError(f"{odd} is not the id of a test: it would be read as an option.")
    with tempfile.TemporaryDirectory(prefix="baton-tests-") as name:
        results = await asyncio.to_thread(Path(name).resolve)
        outside = Mount(source=results, target=place(results, "results"), writable=True)
        argv = (*_pytest(target, outside.target, seconds), *(only or target.detection.paths))
        finished = await _run(target, checkout, sandbox, argv, seconds, outside)
        report = await asyncio.to_thread(_read_report, results / _REPORT)
    return _judged(finished, report, target)


async def run_lint(
    target: Target, checkout: Path, sandbox: Sandbox, *, seconds: float = _SECONDS
) -> str:
    """Run the repository's linter; return what it says when it objects, else nothing."""
    if not target.lint:
        return ""
    finished = await _run(target, checkout, sandbox, ("sh", "-c", target.lint), seconds)
    if finished.ok:
        return ""
    return _shortened(finished.output).strip() or f"exit code {finished.exit_code}"


async def _set_up(target: Target, checkout: Path, sandbox: Sandbox, seconds: float) -> None:
    finished = await _run(target, checkout, sandbox, ("sh", "-c", target.setup), seconds)
    if not finished.ok:
        why = _how_it_ended(finished) or f"It ended with exit code {finished.exit_code}."
        raise TargetError(
            f"The line `setup: {target.setup}` of .github/baton.yml does not succeed in the "
            f"sandbox, which has no network. {why} It said: {finished.output[-_SAID:].strip()}"
        )


async def _run_command(target: Target, checkout: Path, sandbox: Sandbox, seconds: float) -> TestRun:
    argv = target.detection.command
    return _by_exit_code(argv, await _run(target, checkout, sandbox, argv, seconds))


def _by_exit_code(argv: tuple[str, ...], finished: Finished) -> TestRun:
    name = argv[-1] if argv[:2] == ("sh", "-c") else " ".join(argv)
    failures = {}
    if not finished.ok:
        is_late = finished.ended is Ended.TIMED_OUT
        message = _how_it_ended(finished) or f"{name} ended with exit code {finished.exit_code}."
        kind = FailureKind.TIMEOUT if is_late else FailureKind.UNKNOWN
        failures[name] = Failure(kind=kind, message=message)
    return TestRun(
        outcomes={name: Outcome.PASSED if finished.ok else Outcome.FAILED},
        failures=failures,
        exit_code=finished.exit_code,
        log=_shortened(finished.output),
        seconds=finished.seconds,
        timed_out=finished.ended is Ended.TIMED_OUT,
        doubts=_limits_hit(finished),
        per_test=False,
    )


async def _run_reporting(
    target: Target, checkout: Path, sandbox: Sandbox, seconds: float
) -> TestRun:
    """Run a command whose tool tells how each test ended; ``only`` some of them it cannot."""
    form, line = FORMS[target.detection.reporter], target.detection.command[-1]
    with tempfile.TemporaryDirectory(prefix="baton-tests-") as name:
        results = await asyncio.to_thread(Path(name).resolve)
        outside = Mount(source=results, target=place(results, "results"), writable=True)
        argv = ("sh", "-c", form.ask(line, str(outside.target / _REPORT)))
        finished = await _run(
            target, checkout, sandbox, argv, seconds, outside, output=_LONGEST_OUTPUT
        )
        report = await asyncio.to_thread(_read_report, results / _REPORT)
    if finished.ended is Ended.TIMED_OUT:
        return _by_exit_code(("sh", "-c", line), finished)
    found, doubts = Results({}, {}), list(_limits_hit(finished))
    try:
        found = form.read(finished.output, report, sandbox.inside(checkout, checkout))
        if finished.ok is bool(found.failures):
            told = f"The report has {len(found.failures)} failures"
            doubts.append(f"{told}, but the exit code is {finished.exit_code}.")
    except TargetError as error:
        doubts.append(str(error))
    return TestRun(
        outcomes=found.outcomes,
        failures=found.failures,
        exit_code=finished.exit_code,
        log=_shortened(form.shown(finished.output)),
        seconds=finished.seconds,
        doubts=tuple(doubts),
    )


async def _run(
    target: Target,
    checkout: Path,
    sandbox: Sandbox,
    argv: tuple[str, ...],
    seconds: float,
    *extra: Mount,
    output: int = Limits().output_bytes,
) -> Finished:
    command = Command(
        argv=argv,
        env=variables(target, sandbox.inside(checkout, checkout)),
        mounts=(*mounts(target), *extra),
        limits=Limits(seconds=seconds, output_bytes=output),
    )
    await lay_generated(target, checkout)
    return await sandbox.run(command, checkout)


def _pytest(target: Target, results: PurePosixPath, seconds: float) -> tuple[str, ...]:
    """Compose pytest's arguments: the project's own options, then those of a run for evidence."""
    settings = (
        "addopts=",  # replaced by the options that were kept
        "junit_family=xunit1",  # has the file of each test
        "junit_logging=no",
        f"cache_dir={results / 'cache'}",
        f"faulthandler_timeout={seconds / 2:.0f}",  # says in the log where a test hangs
    )
    return (
        *(python(target), "-m", "pytest"),
        *(word for setting in settings for word in ("-o", setting)),
        *target.detection.options,
        *("-p", "no:randomly", "--continue-on-collection-errors", "--rootdir=."),
        *("-v", "-rfE", "--tb=short", "--color=no", f"--junitxml={results / _REPORT}"),
    )


def _read_report(path: Path) -> bytes:
    """Read what sandboxed code left there: a plain file of sensible size, or nothing."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError:
        return b""
    try:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode) or status.st_size > _LARGEST_REPORT:
            return b""
        with os.fdopen(descriptor, "rb", closefd=False) as file:
            return file.read(_LARGEST_REPORT)
    finally:
        os.close(descriptor)


def _judged(finished: Finished, report: bytes, target: Target) -> TestRun:
    timed_out = finished.ended is Ended.TIMED_OUT
    results, doubts = Results({}, {}), list(_limits_hit(finished))
    if timed_out:
        results = _from_log(finished)
    elif not report:
        doubts.append(f"pytest ended with exit code {finished.exit_code} and left no report.")
    else:
        try:
            results = parse(report, target.detection.packages)
        except TargetError as error:
            doubts.append(str(error))
        doubts += _contradictions(finished, results)
    return TestRun(
        outcomes=results.outcomes,
        failures=results.failures,
        exit_code=finished.exit_code,
        log=_shortened(finished.output),
        seconds=finished.seconds,
        timed_out=timed_out,
        doubts=tuple(doubts),
    )


def _from_log(finished: Finished) -> Results:
    """Learn from the log of a run that had to be ended which tests ended, and which did not."""
    log = _without_long_lines(finished.output)
    outcomes = {match["id"]: _OUTCOMES[match["verdict"]] for match in _VERDICT.finditer(log)}
    started = [match["id"] for match in _STARTED.finditer(log) if match["id"] not in outcomes]
    if not started:
        return Results(outcomes, {})
    hung = started[-1]
    message = f"It did not end within the {finished.seconds:.0f} s that all the tests had."
    failure = Failure(kind=FailureKind.TIMEOUT, message=message)
    return Results({**outcomes, hung: Outcome.TIMED_OUT}, {hung: failure})


def _contradictions(finished: Finished, results: Results) -> list[str]:
    """Compare the report with what it cannot write: exit code and closing line."""
    code = finished.exit_code
    if code not in (_PASSED, _FAILED, _NOTHING_COLLECTED):
        return [f"pytest stopped with exit code {code} before it had run the tests."]
    if (code == _FAILED) is not bool(results.failures):
        return [f"The report has {len(results.failures)} failures, but the exit code is {code}."]
    reported = sum(outcome is Outcome.PASSED for outcome in results.outcomes.values())
    closing = [
        int(match["passed"]) for match in _CLOSING.finditer(_without_long_lines(finished.output))
    ]
    said = closing[-1] if closing else 0
    unexpected = len(re.findall(r" XPASS\b", finished.output))
    if reported > said + unexpected:
        return [f"The report has {reported} passed tests, pytest's closing line {said}."]
    return []


def _without_long_lines(output: str) -> str:
    return "\n".join(line for line in output.split("\n") if len(line) <= _LONGEST_LINE)


def _limits_hit(finished: Finished) -> tuple[str, ...]:
    said = _how_it_ended(finished)
    return (said,) if said and finished.ended is not Ended.TIMED_OUT else ()


def _how_it_ended(finished: Finished) -> str:
    return {
        Ended.EXITED: "",
        Ended.TIMED_OUT: f"The tests did not end within {finished.seconds:.0f} s.",
        Ended.OUTPUT_LIMIT: "The tests wrote more output than is allowed and were ended.",
        Ended.DISK_LIMIT: "The tests wrote more files than is allowed and were ended.",
        Ended.KILLED: "The tests used more memory or processes than is allowed and were ended.",
    }[finished.ended]


def _shortened(log: str) -> str:
    left_out = len(log) - _LOG_HEAD - _LOG_TAIL
    if left_out <= 0:
        return log
    return f"{log[:_LOG_HEAD]}\n[... {left_out} characters left out ...]\n{log[-_LOG_TAIL:]}"
