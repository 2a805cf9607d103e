"""What Ollama does with a machine's memory, without the machine.

After the scheduler of Ollama's server (about v0.33): one queue and one loader; requests for loaded
models pass by the queue; room is made by ending the shortest keep_alive among the idle models.
"""

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple, Self

from bot.demo.loaded_models import full_name
from shared.profiles import ModelSpec
from tests.ollama_double.clock import VirtualClock

FOREVER = float("inf")
DEFAULT_KEEP_ALIVE = 300.0
# Cards with less than the first get the smallest context by default, then the next, then the last.
_DEFAULT_CONTEXTS = ((23, 4096), (47, 32768), (FOREVER, 262144))


class Failure(Exception):
    """What the server answers instead of a reply: a status and Ollama's words."""

    def __init__(self, status: int, error: str) -> None:
        super().__init__(error)
        self.status = status


class Vanished(Exception):
    """The machine went away."""


class Event(NamedTuple):
    """Something that happened to a model: load, loaded, abort, unload or unloaded."""

    at: float
    what: str
    model: str


@dataclass(frozen=True)
class Machine:
    """The facts of a node; memory in GB, rates per second."""

    memory_gb: float
    load_gb: float = 1.0
    unload_seconds: float = 2.0
    parallel: int = 1
    max_loaded: int = 3
    max_queue: int = 512
    prompt_tokens: float = 500.0
    output_tokens: float = 20.0

    @property
    def default_context(self) -> int:
        """Return the num_ctx of a request that names none."""
        return next(size for below, size in _DEFAULT_CONTEXTS if self.memory_gb < below)


@dataclass(eq=False)
class Runner:
    """A model in memory; `refs` counts the requests that use it or wait for its slots."""

    spec: ModelSpec
    context: int
    slots: asyncio.Semaphore
    keep_alive: float = DEFAULT_KEEP_ALIVE
    refs: int = 0
    expires_at: float = 0.0
    is_leaving: bool = False
    timer: asyncio.Task[None] | None = None

    @property
    def gb(self) -> float:
        """Return the memory it takes with its context."""
        return gigabytes(self.spec, self.context)


@dataclass(eq=False)
class _Request:
    spec: ModelSpec
    context: int
    keep_alive: float | None
    answer: asyncio.Future[Runner] = field(
        default_factory=lambda: asyncio.get_running_loop().create_future()
    )


class OllamaNode:
    """The models of one machine. Its queue is worked off while it is open as a context."""

    def __init__(self, clock: VirtualClock, models: Sequence[ModelSpec], machine: Machine) -> None:
        self.clock = clock
        self.machine = machine
        self.models = {full_name(model.name): model for model in models}
        self.loaded: dict[str, Runner] = {}
        self.events: list[Event] = []
        self.broken: set[str] = set()
        self.is_up = True
        self.peak_gb = 0.0
        self.on_unload: Callable[[str], None] = lambda _: None
        self.gone = asyncio.Event()
        self._loading: _Request | None = None
        self._queue: list[_Request] = []
        self._changed = asyncio.Condition()
        self._tasks: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> Self:
        self._spawn(self._work_off())
        return self

    async def __aexit__(self, *_: object) -> None:
        for task in tuple(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    @property
    def used_gb(self) -> float:
        """Return the memory taken, also by what is on its way in or out."""
        loading = self._loading
        arriving = gigabytes(loading.spec, loading.context) if loading else 0.0
        return arriving + sum(runner.gb for runner in self.loaded.values())

    @property
    def switches(self) -> int:
        """Count the loads for which something had to be unloaded before."""
        count, unloaded = 0, False
        for event in self.events:
            if event.what == "unloaded":
                unloaded = True
            elif event.what == "load":
                count, unloaded = count + unloaded, False
        return count

    def running(self) -> list[Runner]:
        """Return what is loaded; what is on its way in does not show yet.

        Raises Vanished.
        """
        self._there()
        return list(self.loaded.values())

    def spec(self, name: str) -> ModelSpec:
        """Return a model on the disk.

        Raises Failure 404.
        """
        self._there()
        if full_name(name) not in self.models:
            raise Failure(404, f"model '{name}' not found")
        return self.models[full_name(name)]

    async def take(
        self, name: str, *, context: int | None = None, keep_alive: float | None = None
    ) -> Runner:
        """Wait until a model is in memory, and use it; `give_back` ends the use.

        A cancelled caller aborts the load that it waits for.
        Raises Failure 404, 500 or 503, or Vanished.
        """
        request = _Request(self.spec(name), context or self.machine.default_context, keep_alive)
        runner = self.loaded.get(full_name(name))
        if runner is not None and runner.context == request.context and not runner.is_leaving:
            return self._use(runner, keep_alive)
        if len(self._queue) >= self.machine.max_queue:
            words = "server busy, please try again. maximum pending requests exceeded"
            raise Failure(503, words)
        self._queue.append(request)
        await self._tell()
        try:
            return await request.answer
        except asyncio.CancelledError:
            if not request.answer.cancelled():  # it came at the same moment
                await self.give_back(request.answer.result())
            await self._tell()
            raise

    async def give_back(self, runner: Runner) -> None:
        """End a use; the model leaves now or when its keep_alive has passed."""
        runner.refs -= 1
        if runner.refs == 0 and self.loaded.get(full_name(runner.spec.name)) is runner:
            self._rest(runner)
        await self._tell()

    def unload(self, name: str) -> None:
        """Ask a model to leave; it does when idle, unless a new request says otherwise before.

        Raises Failure 404, or Vanished.
        """
        runner = self.loaded.get(full_name(self.spec(name).name))
        if runner is not None:
            self._end(runner)

    async def vanish(self, *, forgets: bool = False) -> None:
        """Go away in the midst of everything; a machine that sleeps does not forget its models."""
        self.is_up = False
        self.gone.set()
        waiting = [*self._queue, *([self._loading] if self._loading else [])]
        self._queue.clear()
        for request in waiting:
            if not request.answer.done():
                request.answer.set_exception(Vanished())
        if forgets:
            for runner in self.loaded.values():
                _stop(runner.timer)
            self.loaded.clear()
        await self._tell()

    async def come_back(self) -> None:
        """Answer again."""
        self.is_up = True
        self.gone = asyncio.Event()
        await self._tell()

    def _there(self) -> None:
        if not self.is_up:
            raise Vanished

    async def _tell(self) -> None:
        async with self._changed:
            self._changed.notify_all()

    async def _work_off(self) -> None:
        """Serve one queued request after the other; the first one blocks the others."""
        while True:
            async with self._changed:
                await self._changed.wait_for(lambda: self._queue)
                request = self._queue.pop(0)
            await self._serve(request)

    async def _serve(self, request: _Request) -> None:
        key = full_name(request.spec.name)
        while not request.answer.done():
            runner = self.loaded.get(key)
            if runner is not None and runner.context == request.context and not runner.is_leaving:
                request.answer.set_result(self._use(runner, request.keep_alive))
            elif runner is None and self._has_room(request):
                await self._load(request)
            elif victim := runner or self._victim():
                await self._evict(victim, request)
            else:
                needed = gigabytes(request.spec, request.context)
                words = f"model requires more system memory ({needed:.1f} GB) than is available"
                request.answer.set_exception(Failure(500, words))

    def _has_room(self, request: _Request) -> bool:
        needed = self.used_gb + gigabytes(request.spec, request.context)
        return needed <= self.machine.memory_gb and len(self.loaded) < self.machine.max_loaded

    def _victim(self) -> Runner | None:
        """Choose the idle model with the shortest keep_alive, else the busy one with it."""
        order = sorted(self.loaded.values(), key=lambda r: (r.keep_alive, r.spec.name))
        return next((r for r in order if r.refs == 0), order[0] if order else None)

    async def _evict(self, victim: Runner, request: _Request) -> None:
        """End a model's keep_alive and wait until it is gone, for ever if the ending is lost."""
        self._end(victim)
        key = full_name(victim.spec.name)
        async with self._changed:
            await self._changed.wait_for(
                lambda: self.loaded.get(key) is not victim or request.answer.done()
            )

    async def _load(self, request: _Request) -> None:
        self._loading = request
        self.peak_gb = max(self.peak_gb, self.used_gb)
        self._note("load", request.spec.name)
        seconds = request.spec.size_gb / self.machine.load_gb
        loading = asyncio.create_task(self.clock.sleep(seconds))
        either: set[asyncio.Future[Any]] = {loading, request.answer}
        await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
        self._loading = None
        if request.answer.done():
            loading.cancel()
            self._note("abort", request.spec.name)
        elif full_name(request.spec.name) in self.broken:
            self._note("abort", request.spec.name)
            words = "llama runner process has terminated: exit status 2"
            request.answer.set_exception(Failure(500, words))
        else:
            self._note("loaded", request.spec.name)
            runner = Runner(request.spec, request.context, asyncio.Semaphore(self.machine.parallel))
            self.loaded[full_name(request.spec.name)] = runner
            request.answer.set_result(self._use(runner, request.keep_alive))

    def _use(self, runner: Runner, keep_alive: float | None) -> Runner:
        """Count a use. A keep_alive overrides what was set before, an eviction included."""
        runner.refs += 1
        if keep_alive is not None:
            runner.keep_alive = FOREVER if keep_alive < 0 else keep_alive
        runner.expires_at = self.clock() + runner.keep_alive
        _stop(runner.timer)
        return runner

    def _end(self, runner: Runner) -> None:
        runner.keep_alive = 0.0
        if runner.refs == 0:
            self._rest(runner)

    def _rest(self, runner: Runner) -> None:
        if runner.is_leaving:
            return
        _stop(runner.timer)
        runner.expires_at = self.clock() + runner.keep_alive
        if runner.keep_alive == 0:
            runner.is_leaving = True
            self._spawn(self._leave(runner))
        elif runner.keep_alive < FOREVER:
            runner.timer = self._spawn(self._expire(runner))

    async def _expire(self, runner: Runner) -> None:
        await self.clock.sleep(runner.keep_alive)
        runner.timer = None
        runner.is_leaving = True
        await self._leave(runner)

    async def _leave(self, runner: Runner) -> None:
        """Give the memory back, which takes its time; until then the model shows as loaded."""
        key = full_name(runner.spec.name)
        self._note("unload", runner.spec.name)
        self.on_unload(runner.spec.name)
        await self.clock.sleep(self.machine.unload_seconds)
        if self.loaded.get(key) is runner:
            del self.loaded[key]
            self._note("unloaded", runner.spec.name)
        await self._tell()

    def _note(self, what: str, model: str) -> None:
        self.events.append(Event(self.clock(), what, model))

    def _spawn(self, work: Coroutine[object, object, None]) -> asyncio.Task[None]:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task


def gigabytes(spec: ModelSpec, context: int) -> float:
    """Return what a model takes when loaded with a context of so many tokens, in GB."""
    return spec.model_copy(update={"num_ctx": context}).memory_gb


def _stop(timer: asyncio.Task[None] | None) -> None:
    if timer is not None:
        timer.cancel()
