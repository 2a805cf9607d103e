"""Runs for which nobody works any more: they end in plain sight, and `/retry` goes on with them.

An update that has changed the shape of the workflows leaves the old ones without anybody to resume
them, and a workflow may fail beyond what it can tell itself. Both would look like a run that waits.
"""

import logging
from datetime import timedelta

from dbos import DBOS
from pydantic import JsonValue

from bot import deliveries, engine, notices
from bot.context import RunContext
from bot.durable import patient, step
from bot.services import services
from bot.workflow import load, stop
from shared.domain import Stage
from shared.errors import RunStopped
from shared.store import Run
from shared.store.tables import now

EVERY = 300.0  # seconds between two looks
GRACE = timedelta(minutes=2)
"""How long a run may stand still between two workflows, such as before its own is enqueued."""
log = logging.getLogger(__name__)


async def look(*, grace: timedelta = GRACE) -> int:
    """End what nobody works for, and hand deliveries in again; return how many runs were ended."""
    for left in await engine.left_behind():
        log.warning("%s: of an older version of Baton; it ends here", left.workflow_id)
        await DBOS.cancel_workflow_async(left.workflow_id)
        if left.name == deliveries.NAME and left.input is not None:
            await _hand_in_again(left.workflow_id, left.input["args"][0])
    stranded = [run for run in await services().store.runs() if await _is_stranded(run, grace)]
    for run in stranded:
        with engine.once(f"stranded {run.id} {run.updated_at.timestamp()}"):
            answering = run.pull_number if run.stage is Stage.FOLLOWING_UP else None
            await DBOS.start_workflow_async(end_stranded, run.id, answering)
    return len(stranded)


async def _hand_in_again(name: str, raw: dict[str, JsonValue]) -> None:
    with engine.once(f"{name}+"):
        await DBOS.start_workflow_async(deliveries.handle, raw)


async def _is_stranded(run: Run, grace: timedelta) -> bool:
    if run.stage.is_final or run.stage is Stage.PROPOSED or now() - run.updated_at < grace:
        return False
    return not await engine.unfinished(run.id)


@engine.workflow("end_stranded")
async def end_stranded(run_id: str, pull_number: int | None) -> None:
    """Say that nobody works for a run any more, and what to type.

    ``pull_number`` is the pull request on which a review was being answered.
    """
    with patient():
        run = await step("load run", RunContext, lambda: load(run_id))
        if pull_number is None:
            await stop(run, RunStopped(run.phrase("stranded"), resumable=True))
            return
        marker, kind, language = f"{DBOS.workflow_id}", "follow_up_failed", run.language
        reason = run.phrase("stranded_answer")
        await notices.say(run.ref, pull_number, marker, kind, language=language, reason=reason)
        await run.enter(Stage.PROPOSED)
