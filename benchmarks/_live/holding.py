"""Checks of what a live node holds: slots that are freed, models that leave and come."""

import asyncio
import statistics
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import aclosing, asynccontextmanager
from pathlib import Path
from typing import Any, cast

from benchmarks._live.talking import Check, Live, asked, prose, request, speak
from shared.domain import Role
from shared.ollama import OllamaChat
from shared.profiles import ModelSpec
from shared.scheduler import Policy, Scheduler
from shared.store import Store
from tests.live.house import PLANNER, SMALL
from tests.live.runners import Runner

_ROUNDS = 3
_LONG = 3000  # tokens; nobody waits for them
_LONG_PROMPT = 3300  # words, some seconds of reading
_IDLE_SECONDS = 120.0  # the answers themselves would take longer
_STOPS_WITHIN = 30.0
_LINGER_SECONDS = 0.05


async def cancelling(live: Live) -> Check:
    """Cancel answers in three ways; time until the slot is free, and the next request."""
    idle = [(await speak(live, asked("Hello."), 1)).first for _ in range(_ROUNDS)]
    worst: dict[str, float] = {}
    following: list[float] = []
    for name, way in _WAYS.items():
        times = []
        for round_ in range(_ROUNDS):
            times.append(await _freed(live, way, round_))
            following.append((await speak(live, asked("Hello."), 1)).first)
        worst[name] = 1000 * max(times)
    after, before = 1000 * max(following), 1000 * statistics.median(idle)
    found = (
        "free after at worst "
        + ", ".join(f"{ms:.0f} ms ({name})" for name, ms in worst.items())
        + f"; the next answer begins after {after:.0f} ms at worst ({before:.0f} when idle)"
    )
    writing = max(ms for name, ms in worst.items() if name != _READING)
    values = {
        "cancel_ms": f"{writing:.0f}",
        "cancel_reading_ms": f"{worst[_READING]:.0f}",
        "next_ms": f"{after:.0f}",
    }
    ok = max(writing, worst[_READING]) < 1000 * _STOPS_WITHIN
    return Check("cancelling frees the slot", found, ok, values)


async def _freed(live: Live, way: Callable[[Live, int], Awaitable[None]], round_: int) -> float:
    """Return the seconds from a cancelled answer to a free slot."""
    runner = live.front.runners.loaded[SMALL.name]
    await way(live, round_)
    began = time.perf_counter()
    await _until(runner, busy=False)
    return time.perf_counter() - began


async def _until(runner: Runner, *, busy: bool) -> None:
    """Ask llama-server again and again, for it tells nobody by itself."""
    async with asyncio.timeout(_IDLE_SECONDS):
        while await runner.is_busy() is not busy:
            pass


async def _leave_client(live: Live, _: int) -> None:
    """Break off the client's stream after some pieces."""
    stream = await live.client.chat(**request(asked("Count to a million."), _LONG), format=_ENDLESS)
    async with aclosing(cast("Any", stream)) as parts:
        for _number in range(5):
            await anext(parts)


async def _cancel_chat(live: Live, _: int) -> None:
    """Cancel the task in which Baton's own client waits for the rest."""
    speaking = asyncio.Event()
    model = SMALL.model_copy(update={"num_predict": _LONG})
    chat = OllamaChat(live.profile.node("live"), model, on_progress=lambda _: speaking.set())
    task = asyncio.create_task(chat.complete(asked("Count to a million."), schema=_ENDLESS))
    await speaking.wait()
    await _cancelled(task)


async def _cancel_reading(live: Live, round_: int) -> None:
    """Cancel while the node still reads the prompt."""
    question = asked(prose(_LONG_PROMPT, 9000 + round_))
    task = asyncio.create_task(live.chat().complete(question))
    await _until(live.front.runners.loaded[SMALL.name], busy=True)
    await _cancelled(task)


async def _cancelled(task: asyncio.Task[Any]) -> None:
    task.cancel()
    await asyncio.wait({task})
    assert task.cancelled(), "the answer came before it could be cancelled"


# A form that takes long to fill, for the small model likes to say little.
_ENDLESS = {"type": "array", "items": {"type": "integer"}, "minItems": 500}


_READING = "while it reads the prompt"
_WAYS: dict[str, Callable[[Live, int], Awaitable[None]]] = {
    "the client's stream closed": _leave_client,
    "OllamaChat cancelled": _cancel_chat,
    _READING: _cancel_reading,
}


async def switching(live: Live) -> Check:
    """Let the scheduler make room for the planner and back, on real processes."""
    runners, seen = live.front.runners, []
    async with _scheduler(live) as scheduler:
        for model, role in ((SMALL, Role.CODER), (PLANNER, Role.PLANNER), (SMALL, Role.CODER)):
            seconds, held = await _work(live, scheduler, model, role)
            seen.append((seconds, held, model.name))
    alone = all(held == (name,) for _, held, name in seen)
    waits = [seconds for seconds, _, _ in seen[1:]]
    found = (
        f"planner in after {waits[0]:.2f} s, coder back after {waits[1]:.2f} s; "
        f"{'never two' if alone else 'two'} processes at work"
    )
    now = tuple(runners.loaded)
    return Check(
        "a switch, proved",
        f"{found}; {', '.join(now)} stays",
        alone,
        {"switch_s": f"{max(waits):.2f}"},
    )


async def _work(
    live: Live, scheduler: Scheduler, model: ModelSpec, role: Role
) -> tuple[float, tuple[str, ...]]:
    """Use a model under a lease; return the seconds until it was granted, and what is loaded."""
    began = time.perf_counter()
    async with scheduler.lease(model, job=role.value, role=role) as lease:
        waited = time.perf_counter() - began
        chat = OllamaChat(live.profile.node("live"), lease.model)
        await chat.complete(asked("Say one word."))
        shown = (await live.client.ps()).models
        return waited, tuple(model.name or "" for model in shown)


@asynccontextmanager
async def _scheduler(live: Live) -> AsyncIterator[Scheduler]:
    with tempfile.TemporaryDirectory() as folder:
        store = Store.open(Path(folder) / "baton.db")
        # The switch itself is timed, without the pause in which more work may come.
        policy = Policy(linger_seconds=_LINGER_SECONDS)
        scheduler = Scheduler(store.leases, live.profile, policy=policy)
        background = asyncio.create_task(scheduler.run())
        try:
            yield scheduler
        finally:
            await scheduler.aclose()
            background.cancel()
            await asyncio.gather(background, return_exceptions=True)
            await store.close()
