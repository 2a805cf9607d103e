import asyncio
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

import ollama
import pytest

from shared.chat import Message, Speaker
from shared.errors import ModelUnavailable
from shared.ollama import OllamaChat
from shared.profiles import ModelSpec
from shared.scheduler import Policy, Priority, Scheduler
from tests.ollama_double.clock import GRACE, VirtualClock
from tests.ollama_double.server import OllamaDouble
from tests.scheduler.house import CODER, PLANNER, SMALL, House, house_over_http

HELLO = [Message(role=Speaker.USER, content="hello")]


@pytest.fixture
def clock() -> VirtualClock:
    """A clock that jumps."""
    return VirtualClock(grace=GRACE)


async def ask(
    home: House,
    scheduler: Scheduler,
    model: ModelSpec,
    job: str,
    priority: Priority = Priority.BATCH,
) -> float:
    """Call a model as the bot does; return the seconds waited for it."""
    node = home.profile.node("mini")
    async with scheduler.lease(model, job=job, role="coder", priority=priority) as lease:
        home.order.append(job)
        home.held[model.name] += 1
        try:
            await OllamaChat(node, lease.model).complete(HELLO)
        finally:
            home.held[model.name] -= 1
    home.measure()
    return lease.waited_seconds


def over_http(
    clock: VirtualClock,
    folder: Path,
    test: Callable[[House, OllamaDouble, Scheduler], Awaitable[None]],
) -> None:
    """Run a test with a scheduler whose node is a real server; replies take 40 seconds."""

    async def run() -> None:
        async with house_over_http(clock, folder) as (home, double):
            double.reply = lambda _: "word " * 800
            async with home.running() as scheduler:
                await test(home, double, scheduler)
            assert home.faults == []

    clock.run(run())


def test_the_planner_gets_the_node_for_itself(clock: VirtualClock, tmp_path: Path) -> None:
    """Coder drains, is unloaded and proved gone, the planner is loaded, works, and leaves."""

    async def test(home: House, double: OllamaDouble, scheduler: Scheduler) -> None:
        coding = asyncio.create_task(ask(home, scheduler, CODER, "a"))
        await clock.sleep(30)
        await ask(home, scheduler, PLANNER, "b")
        assert coding.done()
        assert await ask(home, scheduler, CODER, "b") < 30
        events = [(e.what, e.model) for e in double.node.events]
        assert events == [
            *[("load", CODER.name), ("loaded", CODER.name)],
            *[("unload", CODER.name), ("unloaded", CODER.name)],
            *[("load", PLANNER.name), ("loaded", PLANNER.name)],
            *[("unload", PLANNER.name), ("unloaded", PLANNER.name)],
            *[("load", CODER.name), ("loaded", CODER.name)],
        ]

    over_http(clock, tmp_path, test)


def test_three_issues_plan_in_one_stay(clock: VirtualClock, tmp_path: Path) -> None:
    """Planner jobs of several issues run before the planner leaves."""

    async def test(home: House, double: OllamaDouble, scheduler: Scheduler) -> None:
        async def issue(name: str) -> None:
            for model in (SMALL, PLANNER, PLANNER, CODER):
                await ask(home, scheduler, model, name)

        await asyncio.gather(*map(issue, "abc"))
        assert double.node.switches == 2
        assert [switch.incoming for switch in home.switches] == [PLANNER.name, CODER.name]

    over_http(clock, tmp_path, test)


def test_a_person_overtakes(clock: VirtualClock, tmp_path: Path) -> None:
    """An interactive call goes before batch calls that were there first."""

    async def test(home: House, double: OllamaDouble, scheduler: Scheduler) -> None:
        batch = [asyncio.create_task(ask(home, scheduler, CODER, f"b{i}")) for i in range(4)]
        await clock.sleep(25)
        waited = await ask(home, scheduler, CODER, "person", Priority.INTERACTIVE)
        assert waited < 41
        await asyncio.gather(*batch)
        assert home.order.index("person") == 1

    over_http(clock, tmp_path, test)


def test_no_eviction_is_lost(clock: VirtualClock, tmp_path: Path) -> None:
    """Calls for a model on its way out wait for the switch, so that none of them keeps it in.

    The same calls without a scheduler fall into the trap.
    """

    async def test(home: House, double: OllamaDouble, scheduler: Scheduler) -> None:
        async def stream(name: str) -> None:
            while True:
                await ask(home, scheduler, CODER, name)

        streams = [asyncio.create_task(stream(name)) for name in "ab"]
        await clock.sleep(60)
        waited = await ask(home, scheduler, PLANNER, "p", Priority.INTERACTIVE)
        for task in streams:
            task.cancel()
        await asyncio.gather(*streams, return_exceptions=True)
        assert waited < 40 + 52 + 10

    over_http(clock, tmp_path, test)


def test_without_leases_an_eviction_is_lost(clock: VirtualClock, tmp_path: Path) -> None:
    """What the scheduler is there for: two overlapping streams of calls starve a third model."""

    async def run() -> None:
        async with house_over_http(clock, tmp_path) as (home, double):
            double.reply = lambda _: "word " * 800
            node = home.profile.node("mini")

            async def stream(delay: float) -> None:
                await clock.sleep(delay)
                while True:
                    await OllamaChat(node, CODER).complete(HELLO)

            streams = [asyncio.create_task(stream(delay)) for delay in (0, 20)]
            await clock.sleep(60)
            async with ollama.AsyncClient(host=double.url, trust_env=False) as client:
                await client.generate(CODER.name, keep_alive=0)
                await clock.sleep(600)
                assert [model.name for model in (await client.ps()).models] == [CODER.name]
            for task in streams:
                task.cancel()
            await asyncio.gather(*streams, return_exceptions=True)

    clock.run(run())


def test_a_node_that_vanishes_is_named(clock: VirtualClock, tmp_path: Path) -> None:
    """In mid-stream, in a load and afterwards the error says what to do; then work goes on."""

    async def test(home: House, double: OllamaDouble, scheduler: Scheduler) -> None:
        for seconds in (10, 40):  # once while it loads, once while it writes
            working = asyncio.create_task(ask(home, scheduler, CODER, "a"))
            await clock.sleep(seconds)
            await double.vanish(forgets=True)
            with pytest.raises(ModelUnavailable, match="mini"):
                await working
            with pytest.raises(ModelUnavailable, match="Is Ollama running there"):
                await ask(home, scheduler, CODER, "b")
            await double.come_back()
        assert await ask(home, scheduler, CODER, "c") < 30

    over_http(clock, tmp_path, test)


HOLDER = """
import asyncio, sys
from pathlib import Path
from shared.profiles import Profile
from shared.scheduler import Scheduler
from shared.scheduler.state import Loaded
from shared.store import Store

class Pretended:
    async def running(self):
        return (Loaded("coder:30b", 20.0, 8192),)

async def main():
    store = Store.open(Path(sys.argv[1]))
    profile = Profile.model_validate_json(sys.argv[2])
    scheduler = Scheduler(store.leases, profile, holder="worker", controls=lambda *_: Pretended())
    background = asyncio.create_task(scheduler.run())
    async with scheduler.lease(profile.models[1], job="crashed", role="coder"):
        print("held", flush=True)
        await asyncio.sleep(600)

asyncio.run(main())
"""


def test_the_lease_of_a_killed_process_is_taken_over(tmp_path: Path) -> None:
    """After its heartbeats have stopped, and not before, others may use and unload the model."""
    clock = VirtualClock(start=time.time(), grace=GRACE)
    began = clock()

    async def test(home: House, double: OllamaDouble, scheduler: Scheduler) -> None:
        arguments = [str(tmp_path / "baton.db"), home.profile.model_dump_json()]
        with clock.standing():
            process = await asyncio.create_subprocess_exec(
                sys.executable, "-c", HOLDER, *arguments, stdout=subprocess.PIPE
            )
            assert process.stdout is not None
            assert await process.stdout.readline() == b"held\n"
            process.kill()
            await process.wait()
        (mini,) = await scheduler.status()
        assert [role.job for role in mini.roles if role.job] == ["crashed"]
        await ask(home, scheduler, PLANNER, "next", Priority.INTERACTIVE)
        (mini,) = await scheduler.status()
        assert [role.job for role in mini.roles if role.job] == []
        loading = next(event.at for event in double.node.events if event.what == "load")
        assert loading - began >= Policy().expiry_seconds

    over_http(clock, tmp_path, test)
