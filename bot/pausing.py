"""Pausing a run: it halts before its next model call or stage until somebody resumes it.

Whether it is paused is looked up within the very step that would go on.

The pause stands in the store and the halted workflow waits in the engine, so both outlive the
process.
"""

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, TypeVar

from dbos import DBOS

from bot.durable import ATTEMPTS, step
from bot.services import services
from shared.domain import Value
from shared.errors import RunPaused

if TYPE_CHECKING:
    from bot.context import RunContext

T = TypeVar("T")
TOPIC = "resume"
_LOOK_AGAIN = 6 * 3600.0  # seconds; a word that went astray costs no more than this


class Pause(Value):
    """Who has paused a run, and the note that stood beside its stage."""

    by: str = ""
    note: str = ""


async def step_unless_paused(
    run: "RunContext",
    name: str,
    result: type[T],
    work: Callable[[], Awaitable[T]],
    *,
    tries: int = ATTEMPTS,
) -> T:
    """Do a step, of a paused run once it is resumed. Raises what the step raises."""

    async def checked() -> T:
        if by := (await _look(run.run_id)).by:
            raise RunPaused(by)
        return await work()

    while True:
        try:
            return await step(name, result, checked, tries=tries)
        except RunPaused:
            await _hold(run)


async def _hold(run: "RunContext") -> None:
    """Show that a run is paused, and return once it is resumed."""
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
