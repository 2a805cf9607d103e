"""Pausing a run: it halts before its next model call or stage until somebody resumes it.

The pause stands in the store and the halted workflow waits in the engine, so both outlive the
process.
"""

from typing import TYPE_CHECKING

from dbos import DBOS

from bot.durable import step
from bot.services import services
from shared.domain import Value

if TYPE_CHECKING:
    from bot.context import RunContext

TOPIC = "resume"
_LOOK_AGAIN = 6 * 3600.0  # seconds; a word that went astray costs no more than this


class Pause(Value):
    """Who has paused a run, and the note that stood beside its stage."""

    by: str = ""
    note: str = ""


async def hold(run: "RunContext") -> None:
    """Go on at once, or once a paused run is resumed."""
    first: Pause | None = None
    while (pause := await step("look for a pause", Pause, lambda: _look(run.run_id))).by:
        if first is None:
            first = pause
            await run.note(run.phrase("paused", login=pause.by))
        await DBOS.recv_async(TOPIC, timeout_seconds=_LOOK_AGAIN)
    if first is not None:
        await run.note(first.note)


async def _look(run_id: str) -> Pause:
    run = await services().store.run(run_id)
    assert run is not None
    return Pause(by=run.paused_by, note=run.reason)
