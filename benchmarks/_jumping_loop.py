"""An event loop whose own clock jumps: every pause of every library in it passes at once."""

import asyncio
import selectors
from collections.abc import Coroutine
from typing import Any, TypeVar

from tests.ollama_double.clock import START, VirtualClock

T = TypeVar("T")
# Other threads work unseen (a database, say): time goes on only if they are quiet for so long.
_GRACE = 0.001


class LoopClock(VirtualClock):
    """The time of an event loop in which ``asyncio.sleep`` itself is virtual."""

    def __init__(self) -> None:
        super().__init__()
        self.passed = 0.0

    def __call__(self) -> float:
        """Return the time in Unix seconds."""
        return START + self.passed

    async def sleep(self, seconds: float) -> None:
        """Wait for virtual seconds."""
        await asyncio.sleep(max(0.0, seconds))

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Run a coroutine on an event loop of this clock."""
        with asyncio.Runner(loop_factory=lambda: _Loop(self)) as runner:
            return runner.run(work)


class _Loop(asyncio.SelectorEventLoop):
    def __init__(self, clock: LoopClock) -> None:
        self._jumping = clock
        super().__init__(_Selector(clock))

    def time(self) -> float:
        return self._jumping.passed


class _Selector(selectors.DefaultSelector):
    """Where the loop waits for its next timer; when nothing comes, the timer is due."""

    def __init__(self, clock: LoopClock) -> None:
        super().__init__()
        self._clock = clock

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        ready = super().select(0)
        if ready or (timeout is not None and timeout <= 0):
            return ready
        ready = super().select(_GRACE)
        if ready or timeout is None:
            return ready or super().select(None)
        self._clock.passed += timeout
        return []
