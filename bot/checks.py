"""Baton's check on a commit: red and green in a few lines, and what is wrong at its line."""

import re
from collections.abc import Iterator

from bot.context import RunContext
from bot.rendering import line
from bot.services import services
from bot.task import Change
from shared.domain import Finding
from shared.github import Check, CheckStatus, Conclusion
from shared.github.values import Annotation, AnnotationLevel
from shared.target import TestRun

CHECK = "Baton: red to green"
_MOST = 100  # annotations; GitHub takes 50 in one request, and nobody reads more than this
_MESSAGE = 4_000  # characters of one annotation
_SENTENCES = 40

_TITLES = {
    Conclusion.SUCCESS: "Red before, green after",
    Conclusion.ACTION_REQUIRED: "Needs a person",
    Conclusion.FAILURE: "Not green on a clean checkout",
}


async def set_check(
    run: RunContext,
    sha: str,
    conclusion: Conclusion,
    summary: str,
    annotations: tuple[Annotation, ...] = (),
) -> None:
    """Set Baton's check on a commit. Only Apps may; with a personal token there is none."""
    if services().settings.app_id is None:
        return
    repo = await services().repo(run.ref)
    await repo.ensure_check_run(
        Check(
            head_sha=sha,
            name=CHECK,
            external_id=external_id(run.run_id, sha),
            status=CheckStatus.COMPLETED,
            conclusion=conclusion,
            title=_TITLES[conclusion],
            summary=summary,
            annotations=annotations[:_MOST],
        )
    )


def external_id(run_id: str, sha: str) -> str:
    """Name the check of a run on a commit."""
    return f"{run_id} {sha}"


def told_green(change: Change, green: TestRun) -> str:
    """Sum a proof up."""
    new = "\n".join(f"- `{line(test)}`" for test in change.red.new_tests)
    count = len(change.red.new_tests)
    return (
        f"{count} new tests failed on the base commit and pass now.\n\n{new}\n\n"
        f"{len(change.red.base.passed)} tests passed before, {len(green.passed)} pass now; "
        "none that passed before fails."
    )


def told_red(sentences: tuple[str, ...], tests: TestRun) -> str:
    """Say why a commit is no proof."""
    told = "\n".join(f"- {line(sentence)}" for sentence in sentences[:_SENTENCES])
    return f"{len(tests.passed)} tests pass, {len(tests.failures)} do not.\n\n{told}"


def of_findings(findings: tuple[Finding, ...]) -> tuple[Annotation, ...]:
    """Put what the review left open at its lines."""
    return tuple(
        _annotation(one.file, one.line, AnnotationLevel.WARNING, one.why, "Left open by the review")
        for one in findings
        if one.file
    )


def of_failures(tests: TestRun) -> tuple[Annotation, ...]:
    """Put each failing test at the line where it failed, or at the top of its file."""
    return tuple(_of_failures(tests))


def _of_failures(tests: TestRun) -> Iterator[Annotation]:
    for test, failure in sorted(tests.failures.items()):
        file, _, name = test.partition("::")
        if not file.strip() or " " in file:
            continue  # the name of a command, not of a file
        said = re.findall(rf"^{re.escape(file)}:(\d+)", failure.text, re.MULTILINE)
        at = int(said[-1]) if said else 1
        yield _annotation(file, at, AnnotationLevel.FAILURE, failure.message, name or file)


def _annotation(path: str, at: int, level: AnnotationLevel, message: str, title: str) -> Annotation:
    return Annotation(
        path=path,
        start_line=max(1, at),
        end_line=max(1, at),
        annotation_level=level,
        message=message[:_MESSAGE] or title,
        title=title[:255],
    )
