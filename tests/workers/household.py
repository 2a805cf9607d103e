"""A gateway and its workers as processes of their own, with a forge and recorded models."""

import asyncio
import contextlib
import json
import os
import shutil
import signal
import sys
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from bot.demo import story
from bot.demo.forge import create_forge
from bot.demo.gateway import Gateway, run_gateway
from bot.demo.person import GatewayReader, PersonClient
from bot.demo.serving import listen, serve
from bot.demo.session import Plan, Secrets, answering, forge_config, write_settings
from bot.places import Places
from shared.profiles import Profile
from shared.sandbox import open_sandbox
from shared.target import prepare
from tests.postgres import Postgres
from tests.road.test_people_kit import recording_with
from tests.road.world import REF, plan_for
from tests.workers.cable import Cable, laid

NODE = "recording"
SECONDS = 3.0
"""The silence after which a worker counts as gone."""
# Straight to the building, and no review: what is tested is who builds.
_EASY = (
    'role = "router"',
    '{"type": "bug", "difficulty": "low", "confidence": 0.9, "self_reflection": false}',
)


@dataclass
class WorkerProcess:
    """A running ``baton worker``."""

    name: str
    cable: Cable
    env_file: Path
    log: Path
    process: asyncio.subprocess.Process | None = None

    async def start(self) -> None:
        """Start the process at its end of the cable."""
        command = (sys.executable, "-P", "-m", "bot", "worker", "--node", NODE)
        with self.log.open("ab") as log:
            self.process = await asyncio.create_subprocess_exec(
                *(*self.cable.command, *command, "--env-file", str(self.env_file)),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env={"PATH": os.environ["PATH"], "HOME": str(self.env_file.parent)},
                start_new_session=True,
            )

    async def end(self, blow: signal.Signals) -> None:
        """End the process and wait until it is gone."""
        if self.process is not None and self.process.returncode is None:
            self.process.send_signal(blow)
            await self.process.wait()

    def said(self) -> str:
        """Return what the worker has logged."""
        return self.log.read_text("utf-8", "replace") if self.log.exists() else ""


@dataclass
class Household:
    """What a test acts on and looks at."""

    alice: PersonClient
    reader: GatewayReader
    gateway: Gateway
    home: Path
    database: str
    workers: dict[str, WorkerProcess] = field(default_factory=dict)


@contextlib.asynccontextmanager
async def open_household(
    home: Path, cache: Path, server: Postgres, names: tuple[str, ...], *, isolated: bool
) -> AsyncIterator[Household]:
    """Start a gateway that builds nothing itself, and workers by their names."""
    recording = recording_with(home / "recording", [_EASY])
    plan = plan_for(home, cache, recording=recording, pace=0.002)
    await _warm(plan)
    database = server.create()
    async with contextlib.AsyncExitStack() as stack:
        profile = await stack.enter_async_context(answering(plan))
        shared, door, gate = Secrets(), listen(), listen()
        door.socket.close()  # the gateway binds this port itself
        config = forge_config(plan, gate.url, door.url, shared)
        await stack.enter_async_context(serve(create_forge(config), gate))
        env_file = write_settings(plan, profile, gate.url, door.url, shared)
        extend(env_file, {**_common(database), "BATON_GATEWAY_BUILDS": "false"})
        gateway = await stack.enter_async_context(
            run_gateway(env_file, home / "gateway.log", door.url, on_restart=lambda _: None)
        )
        reader = await stack.enter_async_context(GatewayReader(door.url))
        alice = await stack.enter_async_context(
            PersonClient.open(gate.url, plan.ref, "alice", shared.alice)
        )
        household = Household(alice, reader, gateway, home, database)
        for name in names:
            cable = await stack.enter_async_context(laid(isolated=isolated))
            worker = await _settle(name, plan, profile, cable, (database, door.url))
            stack.push_async_callback(worker.end, signal.SIGKILL)
            household.workers[name] = worker
            await worker.start()
        yield household


async def _settle(
    name: str, plan: Plan, profile: Profile, cable: Cable, addresses: tuple[str, str]
) -> WorkerProcess:
    """Write the settings of a worker, whose world is what the cable reaches."""
    folder = plan.home / name
    folder.mkdir()
    database, gateway = [await _through(cable, address) for address in addresses]
    models = await _through(cable, profile.nodes[0].url)
    (folder / "profile.json").write_text(profile.at(models).model_dump_json())
    env_file = folder / "worker.env"
    extend(
        env_file,
        {
            **_common(database),
            "BATON_HOME": str(folder / "state"),
            "BATON_CACHE": str(plan.cache),
            "BATON_PROFILE": str(folder / "profile.json"),
            "BATON_GATEWAY_URL": gateway,
            "BATON_ALLOW_ROOT_SANDBOX": str(plan.allow_root_sandbox).lower(),
        },
    )
    return WorkerProcess(name, cable, env_file, folder / "log")


async def _through(cable: Cable, address: str) -> str:
    """Return an address of this machine as the worker has to write it."""
    parts = urlsplit(address)
    assert parts.port is not None
    port = await cable.reach(parts.port)
    login = f"{parts.username}:{parts.password}@" if parts.username else ""
    return parts._replace(netloc=f"{login}{cable.host}:{port}").geturl()


def _common(database: str) -> Mapping[str, str]:
    return {"BATON_DATABASE_URL": database, "BATON_WORKER_SECONDS": str(SECONDS)}


def extend(env_file: Path, settings: Mapping[str, str]) -> None:
    """Add settings to an env file."""
    with env_file.open("a") as file:
        file.writelines(f"{name}={json.dumps(value)}\n" for name, value in settings.items())


async def _warm(plan: Plan) -> None:
    """Build the environment of the sample's tests: at the end of a cable there is no internet."""
    places = Places(home=plan.home, cache=plan.cache)
    copy = plan.home / "warm"
    shutil.copytree(story.REPOSITORY, copy)
    await prepare(copy, places.environments(REF), open_sandbox(allow_root=plan.allow_root_sandbox))
