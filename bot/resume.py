"""Going on with a run on another machine, from the files of a snapshot alone."""

import asyncio
import hashlib
import shutil
from pathlib import Path

from dbos import DBOS

from bot import engine
from bot.places import Places
from bot.services import services
from bot.snapshots import TASK, WORK, read_folder
from bot.workflow import solve
from shared.domain import Stage
from shared.settings import Settings
from shared.store import Run, Snapshot, Store

_ORIGIN = "resume "


async def resume(settings: Settings, path: Path) -> Run:
    """Put a snapshot's files in as a new try of the same issue; the gateway goes on with it.

    The same files are put in once. Raises ConfigurationError when they cannot be read.
    """
    document = await asyncio.to_thread(read_folder, path)
    folder, digest = await asyncio.to_thread(_identify, path)
    places = Places(home=settings.home.resolve(), cache=settings.cache.resolve())
    store = await asyncio.to_thread(Store.open, places.database)
    try:
        run = await store.add_run(
            Run(
                origin=f"{_ORIGIN}{digest}",
                repo=str(document.repo),
                number=document.number,
                requester=document.requester,
                title=document.title,
                language=document.language,
            )
        )
        moved = document.model_copy(update={"attempt": run.attempt})
        copy = places.snapshot(document.repo, document.number, run.attempt, 1)
        await asyncio.to_thread(_copy, folder, copy)
        row = await store.add_snapshot(
            Snapshot(
                key=run.origin,
                run_id=run.id,
                n=0,
                stage=document.stage,
                reason=document.reason,
                document=moved.model_dump(mode="json"),
            )
        )
        return await store.update_run(run.id, resumed_from=row.id)
    finally:
        await store.close()


def _identify(path: Path) -> tuple[Path, str]:
    folder = path if path.is_dir() else path.parent
    return folder, hashlib.sha256((folder / TASK).read_bytes()).hexdigest()


def _copy(folder: Path, copy: Path) -> None:
    copy.mkdir(parents=True, exist_ok=True)
    for name in (WORK, TASK):
        if (folder / name).is_file():
            shutil.copyfile(folder / name, copy / name)


async def start_resumed() -> None:
    """Start the runs that were put in and wait for the gateway."""
    for run in await services().store.runs():
        is_ready = run.resumed_from is not None and run.origin.startswith(_ORIGIN)
        if is_ready and run.stage is Stage.RECEIVED:
            with engine.once(run.id), engine.in_line(f"{run.repo}#{run.number}"):
                await DBOS.enqueue_workflow_async(engine.RUNS, solve, run.id)
