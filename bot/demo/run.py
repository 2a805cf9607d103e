"""``baton demo`` and ``baton run``: one issue, from opening to pull request, before your eyes."""

import asyncio
import contextlib
import tempfile
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path

from rich.console import Console

from bot.demo.session import Plan, Session, open_session
from bot.demo.story import IssueText, PersonReview
from bot.demo.view import NAMES, View
from bot.views import RunView
from shared.domain import Stage, Value
from shared.errors import ConfigurationError

_POLL_SECONDS = 0.15


class Manner(Value):
    """How the person goes along: says yes by itself, reviews, leaves when it is over.

    ``patch`` is where the change is written to, for people who want to apply it elsewhere.
    """

    yes: bool = False
    leave: bool = False
    review: PersonReview | None = None
    patch: Path | None = None


@contextlib.contextmanager
def workplace(keep: Path | None) -> Iterator[Path]:
    """Return a folder for a session, gone afterwards unless one is given."""
    if keep is not None:
        keep.mkdir(parents=True, exist_ok=True)
        yield keep.resolve()
        return
    with tempfile.TemporaryDirectory(prefix="baton-", ignore_cleanup_errors=True) as folder:
        yield Path(folder).resolve()


def read_issue(path: Path) -> IssueText:
    """Read an issue from a Markdown file whose first line is the title.

    Raises ConfigurationError when there is nothing to read.
    """
    try:
        issue = IssueText.parse(path.read_text("utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"The issue cannot be read from {path}: {error}.") from error
    if not issue.title:
        raise ConfigurationError(f"{path} is empty. Its first line is the issue's title.")
    return issue


async def go(plan: Plan, issue: IssueText, manner: Manner, console: Console) -> int:
    """Open the issue and watch the run; return 0 with a pull request, else 1."""
    with View(console, "Baton") as view:
        async with open_session(plan, on_restart=partial(_restarted, view)) as session:
            number = await session.alice.open_issue(issue.title, issue.body)
            _introduce(view, session, number, manner)
            run = await _watch(session, view, manner, number)
            if manner.review is not None and manner.yes and run.pull_number is not None:
                await session.alice.review(run.pull_number, manner.review)
                run = await _watch(session, view, manner, number, after=run)
            summary = [
                *_summary(session, run, manner),
                *await _keep_patch(session, run, manner.patch),
            ]
            if not manner.leave:
                if run.pull_number is not None:
                    view.note(f"Pull request: {session.page(f'/pull/{run.pull_number}')}")
                view.note("Review, merge, look around. [bold]Ctrl-C[/bold] ends it all.")
                await _linger(session, view)
    for told in summary:
        console.print(told, soft_wrap=True, highlight=False)
    return 0 if run.stage is Stage.PROPOSED else 1


def _restarted(view: View, pid: int) -> None:
    told = f"[yellow]The gateway died. Process {pid} has taken over; the run goes on.[/yellow]"
    view.note(told, about="gateway")


def _introduce(view: View, session: Session, number: int, manner: Manner) -> None:
    if session.plan.recording is not None:
        view.note("[magenta]The models' answers are a recording; all the rest is real.[/magenta]")
    view.note(f"Issue: [link]{session.page(f'/issues/{number}')}[/link]")
    told = f"[dim]Gateway: process {session.gateway.pid}; try kill -9 on it.[/dim]"
    view.note(told, about="gateway")
    if not manner.yes:
        view.note("Open the page and answer as alice when Baton asks.")


async def _watch(
    session: Session, view: View, manner: Manner, number: int, *, after: RunView | None = None
) -> RunView:
    """Draw the run until it stands still; with `--yes` alice says yes when she is asked."""
    answered: set[str] = set()
    while True:
        run = next((r for r in await session.reader.runs() if r.number == number), None)
        view.show(run, await session.reader.nodes())
        if run is not None:
            asked = f"{run.run_id} {run.stage}"
            if run.stage.awaits_person and manner.yes and asked not in answered:
                answered.add(asked)
                await session.alice.comment(number, "/approve")
            moved = after is None or len(run.rows) > len(after.rows)
            if (run.stage is Stage.PROPOSED and moved) or run.stage.is_final:
                return run
        await asyncio.sleep(_POLL_SECONDS)


async def _linger(session: Session, view: View) -> None:
    while True:
        runs = await session.reader.runs()
        view.show(runs[0] if runs else None, await session.reader.nodes())
        await asyncio.sleep(_POLL_SECONDS)


async def _keep_patch(session: Session, run: RunView, patch: Path | None) -> Sequence[str]:
    if patch is None or run.pull_number is None:
        return []
    diff = await session.alice.diff(run.pull_number)
    await asyncio.to_thread(patch.write_text, diff, encoding="utf-8")
    return [f"The change: {patch} (git apply)"]


def _summary(session: Session, run: RunView, manner: Manner) -> Sequence[str]:
    lines = [f"[bold]{NAMES[run.stage]}.[/bold] {run.reason}".strip()]
    if run.pull_number is not None:
        gone = " (gone with the forge; without --exit you can look at it)" if manner.leave else ""
        lines.append(f"Pull request: {session.page(f'/pull/{run.pull_number}')}{gone}")
    if run.tests is not None:
        counts = run.tests
        lines.append(
            f"Tests: {counts.red} new ones failed on the base commit and pass now; "
            f"{counts.base_passed} passed before, {counts.green_passed} pass on the branch"
        )
    tokens = run.prompt_tokens + run.output_tokens
    lines.append(f"Models: {run.calls} calls, {tokens:,} tokens, {run.model_seconds:.1f} s")
    lines += [
        f"  {row.seconds:6.1f} s  {NAMES[row.stage]}" for row in run.rows if row.seconds is not None
    ]
    if session.gateway.restarts:
        times = "once" if session.gateway.restarts == 1 else f"{session.gateway.restarts} times"
        lines.append(f"The gateway was restarted {times} on the way.")
    return lines
