"""What workers are doing, shown by the gateway: each writes its board down once a second."""

import asyncio
import logging

from sqlalchemy.exc import DBAPIError

from bot.progress import Activity, ProgressBoard, Shown
from shared.store import ActivityRow, WorkerStore

SECONDS = 1.0

log = logging.getLogger(__name__)


async def show_forever(workers: WorkerStore, name: str, board: ProgressBoard) -> None:
    """Write down what this worker does, whenever that has changed."""
    written: tuple[Shown, ...] = ()
    while True:
        await asyncio.sleep(SECONDS)
        present = board.here()
        if present == written:
            continue
        try:
            # A board's clock means nothing on another machine; the database's is one for all.
            shift = await workers.now() - board.now()
            await workers.show(name, [_row(name, one, shift) for one in present])
            written = present
        except (DBAPIError, OSError) as error:
            log.debug("The board is not shown: %s", type(error).__name__)


async def look_forever(workers: WorkerStore, board: ProgressBoard, bound: float) -> None:
    """Take over what the workers have written down that were seen within so many seconds."""
    while True:
        await asyncio.sleep(SECONDS)
        try:
            rows = await workers.shown(bound)
            shift = await workers.now() - board.now()
        except (DBAPIError, OSError) as error:
            log.debug("The workers' boards are not read: %s", type(error).__name__)
        else:
            board.put_elsewhere(_shown(row, shift) for row in rows)


def _row(name: str, shown: Shown, shift: float) -> ActivityRow:
    now = shown.activity
    return ActivityRow(
        run_id=shown.run_id,
        worker=name,
        role=now.role,
        model=now.model,
        node=now.node,
        waiting=shown.is_waiting,
        tokens=now.tokens,
        started_at=now.started + shift,
        moved_at=now.moved + shift,
    )


def _shown(row: ActivityRow, shift: float) -> Shown:
    activity = Activity(
        row.role, row.model, row.node, row.tokens, row.started_at - shift, row.moved_at - shift
    )
    return Shown(row.run_id, row.waiting, activity)
