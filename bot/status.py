"""The one status comment of a run: built from the store, edited in place."""

import asyncio
import logging
from collections.abc import Mapping, Sequence
from contextvars import Context
from datetime import datetime
from typing import Any
from weakref import WeakValueDictionary

from bot import labels
from bot.costs import cloud_bill
from bot.rendering import render
from bot.services import Services, services
from bot.unseen import unseen_in
from shared.domain import Stage, Value
from shared.errors import BatonError
from shared.store import Run, StageChange, UsageEntry
from shared.store.tables import now

log = logging.getLogger(__name__)

ROAD = (
    Stage.TRIAGE,
    Stage.NEEDS_HUMAN,
    Stage.AWAITING_PLANNER,
    Stage.PLANNING,
    Stage.AWAITING_PLAN,
    Stage.TESTING,
    Stage.CODING,
    Stage.AWAITING_FRONTIER,
    Stage.AWAITING_PACKAGES,
    Stage.REVIEWING,
    Stage.AWAITING_PATHS,
    Stage.PROPOSING,
    Stage.VERIFYING,
    Stage.PROPOSED,
    Stage.FOLLOWING_UP,
)
# Shown only when the run has been there.
_DETOURS = {
    Stage.NEEDS_HUMAN,
    Stage.AWAITING_PLANNER,
    Stage.PLANNING,
    Stage.AWAITING_PLAN,
    Stage.AWAITING_FRONTIER,
    Stage.AWAITING_PACKAGES,
    Stage.AWAITING_PATHS,
    Stage.FOLLOWING_UP,
}
FAILED = "✘ "
"""How the note of a stage begins that came to nothing, although the run goes on."""
_ENDS = {Stage.STOPPED: "🛑", Stage.CANCELLED: "⏹️", Stage.CLOSED: "🏁", Stage.PROPOSED: "✅"}
# Kept for as long as somebody holds or awaits one.
_locks: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()
# When each run last changed, as far as it has been shown; workers change runs and show nothing.
_shown: dict[str, datetime] = {}
# Runs that are shown as soon as nobody else shows them, and the tasks that do it.
_due: set[str] = set()
_tasks: set[asyncio.Task[None]] = set()
_labelled: dict[tuple[str, int], str] = {}
"""The state label that this process gave an issue last, empty for none."""
_owed: set[str] = set()
"""The runs whose status GitHub did not take when it changed last."""


class StageRow(Value):
    """One line of the stage list."""

    stage: Stage
    icon: str
    note: str = ""
    seconds: float | None = None


def stage_rows(run: Run, changes: Sequence[StageChange], moment: datetime) -> list[StageRow]:
    """Lay the stages of a run out, with the time spent in each. Pure."""
    spent: dict[Stage, float] = {}
    notes: dict[Stage, str] = {}
    ends = [change.at for change in changes[1:]] + [moment]
    for change, end in zip(changes, ends, strict=True):
        spent[change.stage] = spent.get(change.stage, 0) + (end - change.at).total_seconds()
        notes[change.stage] = change.note
    left = changes[-2].stage if run.stage.is_final and len(changes) > 1 else None
    return [
        StageRow(
            stage=stage,
            icon=_icon(stage, run.stage, notes.get(stage), left=left),
            note=notes.get(stage, "").removeprefix(FAILED),
            seconds=None if stage is Stage.PROPOSED else spent.get(stage),
        )
        for stage in ROAD
        if stage in spent or stage not in _DETOURS
    ]


def _icon(stage: Stage, present: Stage, note: str | None, *, left: Stage | None) -> str:
    """Draw how a stage stands; `note` is None for one not entered, `left` the one it ended in."""
    if stage is present:
        return "✅" if stage is Stage.PROPOSED else "⏸️" if stage.awaits_person else "⏳"
    if stage is left is not Stage.PROPOSED:
        return "🛑" if present is Stage.STOPPED else "⏹️"
    if note is None:
        return "▫️"
    return "✘" if note.startswith(FAILED) else "✅"


def totals(usage: Sequence[UsageEntry]) -> Mapping[str, Any]:
    """Add up what the calls of a run cost."""
    return {
        "calls": len(usage),
        "prompt_tokens": sum(entry.prompt_tokens for entry in usage),
        "output_tokens": sum(entry.output_tokens for entry in usage),
        "model_seconds": sum(entry.seconds for entry in usage),
    }


async def body(run: Run, baton: Services) -> str:
    """Write the status comment as it should read now."""
    # A model may take a moment to notice that its run is over.
    activity = None if run.stage.is_final else baton.progress.activity(run.id)
    return render(
        "status",
        run.language,
        stage=run.stage,
        icon=_ENDS.get(run.stage, "⏸️" if run.stage.awaits_person else "🏃"),
        rows=stage_rows(run, await baton.store.stages(run.id), now()),
        activity=activity and vars(activity) | {"age": baton.progress.age(activity)},
        waiting=await waiting(run, baton),
        agents=[] if run.stage.is_final else await agents(run, baton),
        **totals(await baton.store.usage(run.id)),
        cloud=await cloud_bill(run.id),
        pull_number=run.pull_number,
        reason=run.reason if run.stage in {Stage.STOPPED, Stage.CANCELLED} else "",
        hints=hints(run),
        detected=run.detected,
        hidden=unseen_in(run),
        recorded_models=baton.profile.recorded,
    )


def hints(run: Run) -> tuple[str, ...]:
    """List the commands that lead on from where a run stands."""
    if run.stage.awaits_person:
        rests = ("/resume",) if run.paused_by else ()
        return ("/approve", "/deny", *rests, "/cancel", "/help")
    if run.stage in {Stage.STOPPED, Stage.CANCELLED}:
        return ("/retry", "/rollback", "/status", "/help")
    if run.stage in {Stage.PROPOSED, Stage.CLOSED}:
        return ("/status", "/help")
    held = "/resume" if run.paused_by else "/pause"
    return (held, "/cancel", "/status", "/help")


async def waiting(run: Run, baton: Services) -> Mapping[str, Any] | None:
    """Tell whose turn a run waits for, and for how long it expects to."""
    asked = baton.progress.waiting(run.id)
    if asked is None or run.stage.is_final:
        return None
    place = await baton.scheduler.position(run.id)
    if place is None:
        return None
    return place.model_dump() | {"role": asked.role}


class AgentRow(Value):
    """What an agent does: BUSY or IDLE."""

    agent: str
    status: str
    job: str = ""


async def agents(run: Run, baton: Services) -> list[AgentRow]:
    """Tell which agents are at work; of other repositories' runs only that there is one."""
    return [
        AgentRow(agent=role.agent, status=role.status, job=_job_for(run, role.job))
        for role in await baton.scheduler.activity()
    ]


def _job_for(run: Run, job: str | None) -> str:
    if job is None or job == run.id:
        return ""
    return f"#{job.partition('#')[2].partition('.')[0]}" if job.startswith(f"{run.repo}#") else "…"


async def publish(run_id: str, *, afresh: bool = False) -> None:
    """Bring the status comment and the state label up to date.

    ``afresh`` mends it also where a person has changed or deleted it.
    A GitHub that does not answer is logged and left to the next refresh: the run goes on.
    """
    baton = services()
    if not baton.is_gateway:
        return  # which looks for what workers have changed
    # One at a time for each run: else an older text could come last and stay.
    async with _locks.setdefault(run_id, asyncio.Lock()):
        await _publish(run_id, baton, afresh=afresh)


async def come_first(run_id: str) -> None:
    """Have the status comment stand before anything else is said about a run."""
    run = await services().store.run(run_id)
    if run is not None and run.status_comment is None:
        await publish(run_id)


def publish_soon(run_id: str) -> None:
    """Do the same while the run goes on: writes to GitHub keep a distance from each other.

    What is asked for before it has begun is done with it.
    """
    if not services().is_gateway or run_id in _due:
        return
    _due.add(run_id)
    # In a context of its own: the step that asks for it may be over before it is done.
    task = asyncio.create_task(_when_free(run_id), context=Context())
    _tasks.add(task)
    task.add_done_callback(_let_go)


async def settle() -> None:
    """Give up what is still due; what goes on after the next start is shown then."""
    for task in _tasks:
        task.cancel()
    await asyncio.gather(*_tasks, return_exceptions=True)
    _due.clear()
    _labelled.clear()


async def _when_free(run_id: str) -> None:
    async with _locks.setdefault(run_id, asyncio.Lock()):
        _due.discard(run_id)
        await _publish(run_id, services(), afresh=False)


def _let_go(task: asyncio.Task[None]) -> None:
    _tasks.discard(task)
    if not task.cancelled() and (error := task.exception()) is not None:
        log.warning("A status was not published; the next stage shows it", exc_info=error)


async def _publish(run_id: str, baton: Services, *, afresh: bool) -> None:
    run = await baton.store.run(run_id)
    assert run is not None
    _shown[run_id] = run.updated_at
    try:
        repo = await baton.repo(run.ref)
        text = await body(run, baton)
        comment = await repo.upsert_comment(run.number, f"status {run.id}", text, afresh=afresh)
        if comment.id != run.status_comment:
            run = await baton.store.update_run(run.id, status_comment=comment.id)
            _shown[run_id] = run.updated_at
        await _label(run, baton, afresh=afresh)
        _owed.discard(run_id)
    except BatonError as error:
        _owed.add(run_id)
        log.warning("%s: status not published: %s", run_id, error)


async def _label(run: Run, baton: Services, *, afresh: bool) -> None:
    """Let the issue bear the label of its stage; it is looked at when that is another one."""
    wanted, issue = labels.of_stage(run.stage), (run.repo, run.number)
    shown = wanted.name if wanted else ""
    if not afresh and _labelled.get(issue) == shown:
        return
    repo = await baton.repo(run.ref)
    present = set((await repo.issue(run.number)).labels)
    for name in labels.states():
        if name in present and (wanted is None or name != wanted.name):
            await repo.remove_label(run.number, name)
    if wanted is not None and wanted.name not in present:
        await repo.ensure_label(wanted)
        await repo.add_labels(run.number, [wanted.name])
    _labelled[issue] = shown


async def refresh() -> None:
    """Bring the status comments up to date of runs that a model works for, or a worker changed.

    Those which GitHub did not take come once more.
    """
    baton = services()
    board = baton.progress
    for run in await baton.store.runs():
        if (
            board.activity(run.id) is not None
            or board.waiting(run.id) is not None
            or run.id in _owed
            or (baton.has_workers and _is_stale(run))
        ):
            await publish(run.id)


def _is_stale(run: Run) -> bool:
    """Tell whether a run has changed since it was shown; after a restart, whether it is on."""
    if run.id in _shown:
        return _shown[run.id] != run.updated_at
    return not run.stage.is_final and run.stage is not Stage.PROPOSED
