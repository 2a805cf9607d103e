"""Snapshots: where a run stands, on disk before every delegation and every switch of models.

Three files lie in the run's folder: `current_task.json` for machines, `temp_context.md` for
people, and `work.bundle` with the commits that no branch knows. Each snapshot also keeps its
own copy below `snapshots/`. A run can go on from these files alone, on another machine.
"""

import asyncio
import contextlib
import shutil
from datetime import datetime
from pathlib import Path
from types import NoneType
from typing import Literal

from dbos import DBOS
from pydantic import ValidationError

from bot.context import RunContext
from bot.durable import step
from bot.papers import write_text
from bot.rendering import render
from bot.services import services
from bot.task import Task
from shared.domain import Language, RepoRef, Role, Stage, Value
from shared.errors import BatonError, ConfigurationError, GitError
from shared.git.bundle import read_bundle, write_bundle
from shared.scheduler import SwitchPlan
from shared.store import ApprovalState, Snapshot
from shared.store.tables import now

TASK, CONTEXT, WORK = "current_task.json", "temp_context.md", "work.bundle"
_KEPT = 30
"""Copies of snapshots of one issue that stay on disk; the table keeps all."""
_ERROR = 4_000
"""Characters of the last error that a snapshot shows."""


class CurrentTask(Value):
    """What `current_task.json` holds."""

    schema_version: Literal[1] = 1
    n: int = 0
    taken_at: datetime
    reason: str
    run_id: str
    repo: RepoRef
    number: int
    attempt: int
    language: Language
    requester: str
    title: str
    profile: str
    stage: Stage
    agent: str
    """Who works next."""
    tree: str
    """The commit that holds the files as they stand."""
    file_in_work: str = ""
    last_error: str = ""
    last_request: str = ""
    task: Task


class Standing(Value):
    """Where a run stands right now, as its workflow told last."""

    run: RunContext
    stage: Stage
    role: Role
    task: Task
    tree: str
    file_in_work: str = ""


_AT_WORK: dict[str, Standing] = {}
_BUNDLES: dict[str, tuple[str, Path]] = {}
"""The tree whose commits each run has bundled last, and where the bundle is."""


async def take(run: RunContext, stage: Stage, role: Role, task: Task, tree: str = "") -> None:
    """Put a snapshot on disk before a role begins."""
    standing = Standing(run=run, stage=stage, role=role, task=task, tree=tree or task.sha)
    _AT_WORK[run.run_id] = standing

    async def work() -> None:
        await _write(standing, f"before {role.agent}", f"{DBOS.workflow_id}/{DBOS.step_id}")

    await step("take snapshot", NoneType, work)


def moved(run_id: str, tree: str, file: str = "") -> None:
    """Note how a run's files stand now, for a snapshot between two delegations."""
    if (known := _AT_WORK.get(run_id)) is not None:
        _AT_WORK[run_id] = known.model_copy(
            update={"tree": tree, "file_in_work": file or known.file_in_work}
        )


def forget(run_id: str) -> None:
    """Let go of a run that is over."""
    _AT_WORK.pop(run_id, None)
    _BUNDLES.pop(run_id, None)


def forget_all() -> None:
    """Let go of whatever an earlier service of this process was working on."""
    _AT_WORK.clear()
    _BUNDLES.clear()


async def keep_before(plan: SwitchPlan) -> None:
    """Put every run of this process on disk whose model may leave by a switch.

    Raises what the disk raises; the switch is not made then.
    """
    profile, incoming, node = services().profile, plan.incoming, plan.node
    leaving = tuple(model.name for model in plan.leaving)
    out = ", ".join(leaving)
    if not leaving:
        reason = f"before {incoming} is loaded"
    else:
        reason = f"before {out} makes room for {incoming}" if incoming else f"before {out} leaves"
    for run_id, standing in list(_AT_WORK.items()):
        model = profile.model(standing.role)
        if model.node == node and (model.name in leaving or model.name == incoming):
            await _write(standing, reason, f"{run_id}/switch/{now().isoformat()}")


async def _write(standing: Standing, reason: str, key: str) -> None:
    run, store = standing.run, services().store
    stored = await store.run(run.run_id)
    assert stored is not None
    document = CurrentTask(
        taken_at=now(),
        reason=reason,
        run_id=run.run_id,
        repo=run.ref,
        number=run.number,
        attempt=run.attempt,
        language=run.language,
        requester=stored.requester,
        title=stored.title,
        profile=services().profile.name,
        stage=standing.stage,
        agent=standing.role.agent,
        tree=standing.tree,
        file_in_work=standing.file_in_work,
        last_error="\n".join(standing.task.verdicts)[-_ERROR:],
        last_request=await _last_request(run, stored.requester),
        task=standing.task,
    )
    row = await store.add_snapshot(
        Snapshot(
            key=key,
            run_id=run.run_id,
            n=0,
            stage=standing.stage,
            reason=reason,
            document=document.model_dump(mode="json"),
        )
    )
    await _lay_out(run, CurrentTask.model_validate(row.document))


async def _last_request(run: RunContext, requester: str) -> str:
    """Say what a person asked for last."""
    decided = [
        approval
        for approval in await services().store.approvals(run.run_id)
        if approval.state is ApprovalState.APPROVED
    ]
    if not decided:
        return f"{requester} asked for issue #{run.number}"
    return f"{decided[-1].decided_by} approved: {decided[-1].kind}"


async def _lay_out(run: RunContext, document: CurrentTask) -> None:
    """Write the files; `current_task.json` last, since it makes the snapshot whole."""
    places = services().places
    folder = places.papers(run.ref, run.number)
    copy = places.snapshot(run.ref, run.number, document.attempt, document.n)
    mirror = await run.mirror()
    base = document.task.basis.base_sha
    await asyncio.to_thread(copy.mkdir, parents=True, exist_ok=True)
    # Several roles in turn, and the switch between their models, keep the same commits.
    bundle = copy / WORK
    bundled, earlier = _BUNDLES.get(run.run_id, ("", bundle))
    if bundled == document.tree != base and earlier.is_file():
        await asyncio.to_thread(shutil.copyfile, earlier, bundle)
        has_work = True
    else:
        has_work = await write_bundle(mirror, bundle, document.tree, base)
    _BUNDLES[run.run_id] = (document.tree, bundle)
    texts = {
        CONTEXT: render("snapshot", run.language, snapshot=document),
        TASK: document.model_dump_json(indent=2),
    }
    await asyncio.to_thread(_place, folder, copy, texts, has_work=has_work)


def _place(folder: Path, copy: Path, texts: dict[str, str], *, has_work: bool) -> None:
    for name, text in texts.items():
        write_text(copy / name, text)
    if has_work:
        spare = folder / f".{WORK}"
        shutil.copyfile(copy / WORK, spare)
        spare.replace(folder / WORK)
    else:
        (folder / WORK).unlink(missing_ok=True)
    for name, text in texts.items():
        write_text(folder / name, text)
    old = sorted(copy.parent.iterdir(), key=lambda path: path.stat().st_mtime)[:-_KEPT]
    for path in old:
        shutil.rmtree(path, ignore_errors=True)


def read_folder(path: Path) -> CurrentTask:
    """Read a snapshot's files.

    `path` is the folder or its `current_task.json`. Raises ConfigurationError.
    """
    file = path / TASK if path.is_dir() else path
    try:
        text = file.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationError(
            f"{file} cannot be read ({error}). Give the folder that holds {TASK}."
        ) from error
    try:
        return CurrentTask.model_validate_json(text)
    except ValidationError as error:
        raise ConfigurationError(
            f"{file} is no snapshot that this version of Baton understands "
            f"({error.error_count()} fields differ)."
        ) from error


async def recall(run: RunContext, snapshot_id: int) -> Task:
    """Return the task that a snapshot holds, its commits brought into the mirror.

    Raises BatonError when its commits cannot be had.
    """
    row = await services().store.snapshot(snapshot_id)
    assert row is not None, "a run names a snapshot that is stored"
    document = CurrentTask.model_validate(row.document)
    mirror = await run.mirror()
    await mirror.obtain(document.task.basis.base_sha)
    places = services().places
    bundle = places.snapshot(run.ref, run.number, document.attempt, document.n) / WORK
    with contextlib.suppress(GitError):
        await mirror.obtain(document.tree)
        return _resumed(document)
    if not bundle.is_file():
        raise BatonError(
            f"Snapshot {document.n} of {document.run_id} has lost its files: {bundle} is missing. "
            "Go back to an earlier one with /rollback <n>, or start again with /retry."
        )
    await read_bundle(mirror, bundle)
    return _resumed(document)


async def proposed(run_id: str) -> Task | None:
    """Return the task that a run has proposed, if a snapshot has kept it."""
    row = await services().store.newest_snapshot(run_id)
    task = CurrentTask.model_validate(row.document).task if row is not None else None
    return task if task is not None and task.changes else None


def _resumed(document: CurrentTask) -> Task:
    """Let what was under way be the draft of the next attempt."""
    task = document.task
    begun = document.tree not in {task.sha, task.basis.base_sha}
    return task.with_(draft=document.tree if begun and task.change is None else "")
