"""A whole household inside the test's own event loop: forge, recorded models, gateway."""

import asyncio
import contextlib
import os
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bot.app import create_app
from bot.demo import story
from bot.demo.forge import Faults, create_forge
from bot.demo.forge.config import ForgeConfig
from bot.demo.person import GatewayReader, PersonClient
from bot.demo.session import Plan, Secrets, answering, forge_config, write_settings
from bot.services import services
from bot.serving import Listener, listen, serve
from bot.views import RunView
from shared import profiles
from shared.domain import RepoRef, Stage
from shared.settings import load_settings

REF = RepoRef(owner="alice", name="fortnight")
_PATIENCE = 120.0
Opening = Callable[[ForgeConfig, Listener], contextlib.AbstractAsyncContextManager[None]]
"""Lets a forge answer at an address for as long as the context is open."""


@dataclass
class World:
    """What a test acts on and looks at."""

    alice: PersonClient
    mallory: PersonClient
    reader: GatewayReader
    faults: Faults
    home: Path

    async def until(self, number: int, wanted: Callable[[RunView], bool]) -> RunView:
        """Wait until the newest run of an issue is as wanted; fail when it ends otherwise."""
        async with asyncio.timeout(_PATIENCE):
            async for run in self.changes(number):
                if wanted(run):
                    return run
                assert run.stage is not Stage.STOPPED, run.reason
        raise AssertionError  # changes do not end

    async def changes(self, number: int) -> AsyncIterator[RunView]:
        """Yield the newest run of an issue, and again whenever it has changed.

        The store is looked at for that, which costs much less than all runs over HTTP.
        """
        seen: object = None
        while True:
            newest = next(iter(await services().store.runs(str(REF), number)), None)
            if newest is not None and (newest.id, newest.updated_at) != seen:
                seen = newest.id, newest.updated_at
                shown = [run for run in await self.reader.runs() if run.number == number]
                if shown:
                    yield shown[0]
            await asyncio.sleep(0.02)

    async def at(self, number: int, stage: Stage) -> RunView:
        """Wait until the newest run of an issue is at a stage."""
        return await self.until(number, lambda run: run.stage is stage)

    async def bodies(self, number: int) -> list[str]:
        """Read the texts of an issue's comments."""
        return [comment["body"] for comment in await self.alice.comments(number)]

    async def said(self, number: int, part: str) -> dict[str, Any]:
        """Wait until a comment holds a text, and return it."""
        async with asyncio.timeout(_PATIENCE):
            while True:
                for comment in await self.alice.comments(number):
                    if part in comment["body"]:
                        return comment
                await asyncio.sleep(0.05)

    async def labels(self, number: int) -> set[str]:
        """Read an issue's labels."""
        issue = await self.alice.call("GET", f"/issues/{number}")
        return {label["name"] for label in issue["labels"]}


def plan_for(home: Path, cache: Path, **changes: Any) -> Plan:  # noqa: ANN401  fields of the plan differ
    """Return the plan of the demo, without its pauses."""
    return Plan(
        home=home,
        cache=cache,
        repository=story.REPOSITORY,
        ref=REF,
        profile=profiles.load("embedded"),
        recording=story.RECORDING,
        allow_root_sandbox=os.geteuid() == 0,
    ).model_copy(update=changes)


@contextlib.asynccontextmanager
async def _in_this_process(config: ForgeConfig, gate: Listener) -> AsyncIterator[None]:
    async with serve(create_forge(config), gate):
        yield


@contextlib.asynccontextmanager
async def open_world(plan: Plan, forge: Opening = _in_this_process) -> AsyncIterator[World]:
    """Start a household in this process; ``forge`` says where its GitHub answers."""
    async with contextlib.AsyncExitStack() as stack:
        profile = await stack.enter_async_context(answering(plan))
        shared, door, gate = Secrets(), listen(), listen()
        config = forge_config(plan, gate.url, door.url, shared)
        await stack.enter_async_context(forge(config, gate))
        settings = load_settings(write_settings(plan, profile, gate.url, door.url, shared))
        await stack.enter_async_context(serve(create_app(settings), door))
        people = {
            login: await stack.enter_async_context(
                PersonClient.open(gate.url, plan.ref, login, token)
            )
            for login, token in (("alice", shared.alice), ("mallory", shared.mallory))
        }
        reader = await stack.enter_async_context(GatewayReader(door.url))
        yield World(people["alice"], people["mallory"], reader, config.faults, plan.home)
