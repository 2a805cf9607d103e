"""A clock for tests that jumps ahead as soon as everything waits.

Minutes of traffic then pass in a moment, while sockets, databases and subprocesses stay real.
"""

import asyncio
import contextlib
import heapq
import itertools
import selectors
from collections.abc import Callable, Coroutine, Iterator
from concurrent.futures import Executor
from typing import Any, TypeVar, TypeVarTuple

T = TypeVar("T")
Ts = TypeVarTuple("Ts")
START = 1_800_000_000.0
# The kernel hands bytes over the loopback at once, save under load; then this is its moment.
GRACE = 0.001


class VirtualClock:
    """Seconds that pass only while nothing else can happen.

    Call it for the time; give `sleep` to whoever is to wait on it. `grace` are the real
    seconds that bytes between sockets may take; it costs them before each jump.
    """

    def __init__(self, start: float = START, *, grace: float = 0.0) -> None:
        self._now = start
        self.grace = grace
        self._sleepers: list[tuple[float, int, asyncio.Future[None]]] = []
        self._numbers = itertools.count()
        self._held = 0

    def __call__(self) -> float:
        """Return the time in Unix seconds."""
        return self._now

    async def sleep(self, seconds: float) -> None:
        """Wait for virtual seconds."""
        if seconds <= 0:
            await asyncio.sleep(0)
            return
        done = asyncio.get_running_loop().create_future()
        heapq.heappush(self._sleepers, (self._now + seconds, next(self._numbers), done))
        await done

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Run a coroutine on an event loop of this clock."""
        with self.runner() as runner:
            return runner.run(work)

    def runner(self) -> asyncio.Runner:
        """Return what runs one coroutine after the other on an event loop of this clock."""
        return asyncio.Runner(loop_factory=self._loop)

    def hold_for(self, work: "asyncio.Future[Any]") -> None:
        """Stand still until something has ended."""
        self._hold()
        work.add_done_callback(self._release)

    @contextlib.contextmanager
    def standing(self) -> Iterator[None]:
        """Stand still, such as while another process is waited for."""
        self._hold()
        try:
            yield
        finally:
            self._release()

    @property
    def held(self) -> bool:
        """Tell whether something works that the event loop does not see."""
        return self._held > 0

    def advance(self) -> bool:
        """Jump to the next moment at which somebody wakes; tell whether there is one."""
        while self._sleepers and self._sleepers[0][2].done():
            heapq.heappop(self._sleepers)
        if not self._sleepers:
            return False
        self._now = max(self._now, self._sleepers[0][0])
        while self._sleepers and self._sleepers[0][0] <= self._now:
            done = heapq.heappop(self._sleepers)[2]
            if not done.done():
                done.set_result(None)
        return True

    def _hold(self, *_: object) -> None:
        self._held += 1

    def _release(self, *_: object) -> None:
        self._held -= 1

    def _loop(self) -> asyncio.AbstractEventLoop:
        return _Loop(self)


class _Loop(asyncio.SelectorEventLoop):
    """An event loop whose clock stands still while a thread works for it."""

    def __init__(self, clock: VirtualClock) -> None:
        super().__init__(_Selector(clock))
        self._clock = clock

    def run_in_executor(
        self, executor: Executor | None, func: Callable[[*Ts], T], *args: *Ts
    ) -> "asyncio.Future[T]":
        """Run a function in a thread."""
        doing = super().run_in_executor(executor, func, *args)
        self._clock.hold_for(doing)
        return doing


class _Selector(selectors.DefaultSelector):
    """The place where an event loop waits; when it would, the clock goes on instead."""

    def __init__(self, clock: VirtualClock) -> None:
        super().__init__()
        self._clock = clock

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        """Return what is ready; wait for it in real time only if nobody sleeps."""
        ready = super().select(0)
        if ready or (timeout is not None and timeout <= 0):
            return ready
        if self._clock.held:
            return super().select(timeout)
        if self._clock.grace:
            ready = super().select(self._clock.grace)
        if ready or self._clock.advance():
            return ready
        return super().select(timeout)
