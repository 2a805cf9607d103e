"""A gateway and its workers as processes of their own, with a forge and recorded models."""

import asyncio
import contextlib
import json
import os
import re
import shutil
import signal
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

import psycopg

from bot.demo import story
from bot.demo.forge import create_forge
from bot.demo.gateway import Gateway, run_gateway
from bot.demo.person import GatewayReader, PersonClient
from bot.demo.session import Plan, Secrets, answering, forge_config, write_settings
from bot.places import Places
from bot.serving import listen, serve
from shared.profiles import Profile
from shared.sandbox import open_sandbox
from shared.target import prepare
from tests.postgres import Postgres
from tests.road.test_people_kit import recording_with
from tests.road.world import REF, plan_for
from tests.workers.cable import Cable, laid

NODE = "recording"
_PATIENCE = 240.0
SECONDS = 3.0
"""The silence after which a worker counts as gone."""
_BEGUN = 3
"""Steps after which a build counts as begun."""
CALLS = 7
"""Model calls of a run: router, two of the tester, three of the coder, documenter."""
# Straight to the building, no review, and right at once: what is tested is who builds.
_EASY = '{"type": "bug", "difficulty": "low", "confidence": 0.9, "self_reflection": false}'
_SHORT = {
    ("tester", 0): "201-tester-writes.md",
    ("tester", 1): "203-tester-submits.md",
    ("coder", 0): "321-coder-second-occurrences.md",
    ("coder", 1): "322-coder-second-nth.md",
    ("coder", 2): "324-coder-second-submits.md",
}


@dataclass
class WorkerProcess:
    """A running ``baton worker``."""

    name: str
    cable: Cable
    env_file: Path
    log: Path
    process: asyncio.subprocess.Process | None = None
    node: str = NODE

    async def start(self) -> None:
        """Start the process at its end of the cable."""
        command = (sys.executable, "-P", "-m", "bot", "worker", "--node", self.node)
        with self.log.open("ab") as log:
            self.process = await asyncio.create_subprocess_exec(
                *(*self.cable.command, *command, "--env-file", str(self.env_file)),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env={"PATH": os.environ["PATH"], "HOME": str(self.env_file.parent)},
                start_new_session=True,
            )

    def send(self, sign: signal.Signals) -> None:
        """Send a signal to the process."""
        assert self.process is not None
        self.process.send_signal(sign)

    async def end(self, blow: signal.Signals) -> None:
        """End the process and wait until it is gone."""
        if self.process is not None and self.process.returncode is None:
            self.process.send_signal(blow)
            await self.process.wait()

    @property
    def id(self) -> str:
        """What the engine calls the worker; empty until it builds."""
        found = re.search(r"(\S+) builds for ", self.said())
        return found[1] if found else ""

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

    def builds(self) -> dict[str, tuple[str, str]]:
        """Return status and owner of each run's build, as the engine has them."""
        query = "SELECT workflow_uuid, status, executor_id FROM dbos.workflow_status"
        with psycopg.connect(self.database) as connection:
            rows = connection.execute(f"{query} WHERE name = 'build'").fetchall()
        return {str(name): (str(status), str(owner)) for name, status, owner in rows}

    def at_work(self, worker: WorkerProcess) -> set[str]:
        """Return the builds that a worker has in hand."""
        mine = ("PENDING", worker.id)
        return {name for name, build in self.builds().items() if build == mine}

    def in_the_middle(self, worker: WorkerProcess) -> set[str]:
        """Return those of them of which it has done something: taken is not yet begun."""
        query = "SELECT workflow_uuid FROM dbos.operation_outputs GROUP BY 1 HAVING count(*) >= %s"
        with psycopg.connect(self.database) as connection:
            begun = connection.execute(query, (_BEGUN,)).fetchall()
        return self.at_work(worker) & {str(name) for (name,) in begun}

    def done_by(self, worker: WorkerProcess) -> set[str]:
        """Return the builds that a worker has brought to an end."""
        mine = ("SUCCESS", worker.id)
        return {name for name, build in self.builds().items() if build == mine}

    async def until(self, what: Callable[[], bool | Awaitable[bool]]) -> None:
        """Wait until something is so; fail with the logs when it does not come."""
        try:
            async with asyncio.timeout(_PATIENCE):
                while True:
                    so = what()
                    if so is True or (not isinstance(so, bool) and await so):
                        return
                    await asyncio.sleep(0.2)
        except TimeoutError:
            workers = self.workers.values()
            logs = "".join(f"\n== {one.name}\n{one.said()[-2000:]}" for one in workers)
            raise AssertionError(f"It did not come.{logs}\n{self.builds()}") from None


@contextlib.asynccontextmanager
async def open_household(
    home: Path, cache: Path, server: Postgres, names: tuple[str, ...], *, isolated: bool
) -> AsyncIterator[Household]:
    """Start a gateway that builds nothing itself, and workers by their names."""
    recording = recording_with(home / "recording", [('role = "router"', _EASY), *_short()])
    plan = plan_for(home, cache, recording=recording)
    await _warm(plan)
    database = server.create()
    async with contextlib.AsyncExitStack() as stack:
        profile = _roomy(await stack.enter_async_context(answering(plan)))
        shared, door, gate = Secrets(), listen(), listen()
        door.socket.close()  # the gateway binds this port itself
        config = forge_config(plan, gate.url, door.url, shared)
        await stack.enter_async_context(serve(create_forge(config), gate))
        env_file = write_settings(plan, profile, gate.url, door.url, shared)
        quiet = {"BATON_STATUS_SECONDS": "10", "BATON_GATEWAY_BUILDS": "false"}
        extend(env_file, {**_common(database), **quiet})
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


def _short() -> Iterator[tuple[str, str]]:
    """Return the replies that lead to the demo's change without a detour."""
    for (role, turn), name in _SHORT.items():
        reply = (story.RECORDING / name).read_text("utf-8").split("+++\n", 2)[2]
        yield f'role = "{role}"\nturn = {turn}', reply


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


def _roomy(profile: Profile) -> Profile:
    """Give the node room for all models: what is tested is not the switching."""
    nodes = tuple(node.model_copy(update={"memory_gb": 200.0}) for node in profile.nodes)
    return profile.model_copy(update={"nodes": nodes})


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
