"""One issue from opening to pull request, in this process, and what it took."""

import asyncio
import contextlib
import os
import sqlite3
import subprocess
import time
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePosixPath
from typing import NamedTuple

import platformdirs
from dbos import DBOS

from benchmarks.real_issues.apart import ForgeApart
from benchmarks.real_issues.history import Case
from bot.places import Places
from bot.running import keep_modules
from bot.services import install, services
from shared import profiles
from shared.domain import RepoRef, Stage
from shared.profiles import Profile
from shared.sandbox import Command, Finished, Sandbox, open_sandbox
from shared.store import Run
from shared.target import Target, prepare, run_tests
from tests.road.world import World, open_world, plan_for

CACHE = platformdirs.user_cache_path("baton")
_PATIENCE = 3600.0
_POLL_SECONDS = 0.02  # at most so long the person takes to see a question
_STAGES = "SELECT id, stage FROM run"


class Outcome(NamedTuple):
    """What came of a run: times in seconds, tokens that the Coder read and its turns.

    ``processor`` is the time of a processor that gateway and recording took, which are this
    process, and ``forge`` that of GitHub's stand-in, which is another one, as GitHub is.
    """

    stage: Stage
    reason: str
    head: str
    is_ready: bool
    seconds: float
    model: float
    sandbox: float
    processor: float
    forge: float
    prompt_tokens: int
    calls: int

    @property
    def overhead(self) -> float:
        """Return the seconds besides models and the target's own tests and commands."""
        return self.seconds - self.model - self.sandbox


@dataclass
class Metered:
    """A sandbox that adds up how long its commands take."""

    sandbox: Sandbox
    seconds: float = 0.0
    name: str = field(init=False)

    def __post_init__(self) -> None:
        self.name = self.sandbox.name

    def inside(self, path: Path, workspace: Path) -> PurePosixPath:
        """Pass the question on."""
        return self.sandbox.inside(path, workspace)

    async def run(
        self, command: Command, workspace: Path, *, git_dir: Path | None = None
    ) -> Finished:
        """Run a command and keep its time."""
        began = time.monotonic()
        try:
            return await self.sandbox.run(command, workspace, git_dir=git_dir)
        finally:
            self.seconds += time.monotonic() - began


async def set_up(case: Case) -> Target:
    """Make the environment of the repository's tests; the run then finds it in the cache."""
    sandbox = open_sandbox(allow_root=os.geteuid() == 0)
    places = Places(home=CACHE, cache=CACHE)
    return await prepare(case.repository, places.environments(_ref(case)), sandbox)


async def walk(
    case: Case, folder: Path, *, profile: Profile, recording: Path | None = None
) -> Outcome:
    """Let Baton work on the issue until there is a pull request, or it stops."""
    ref = _ref(case)
    plan = plan_for(
        folder / "home",
        CACHE,
        repository=case.repository,
        ref=ref,
        profile=profile,
        recording=recording,
    )
    forge = ForgeApart()
    keep_modules()
    async with open_world(plan, forge.opened) as world:
        meter = Metered(services().sandbox)
        install(replace(services(), sandbox=meter))
        title, _, body = case.bug.issue.strip().partition("\n")
        await _settled()
        began, busy, answering = time.monotonic(), time.process_time(), forge.processor()
        number = await world.alice.open_issue(title, body.strip())
        run = await _watch(world, number)
        seconds, busy = time.monotonic() - began, time.process_time() - busy
        answering = forge.processor() - answering
        pulls = await world.alice.call("GET", "/pulls?state=all")
        entries = await services().store.usage(run.id)
    coder = [entry for entry in entries if entry.role == "coder"]
    return Outcome(
        stage=run.stage,
        reason=run.reason,
        head=pulls[0]["head"]["sha"] if pulls else "",
        is_ready=bool(pulls) and not pulls[0]["draft"],
        seconds=seconds,
        model=sum(entry.seconds for entry in entries),
        sandbox=meter.seconds,
        processor=busy,
        forge=answering,
        prompt_tokens=sum(entry.prompt_tokens for entry in coder),
        calls=len(coder),
    )


def embedded(attempts: int) -> Profile:
    """Return the profile of recordings, with a number of attempts."""
    profile = profiles.load("embedded")
    budgets = profile.budgets.model_copy(update={"attempts": attempts})
    return profile.model_copy(update={"budgets": budgets})


async def _settled() -> None:
    """Wait until the gateway has handled what GitHub told it at its start, as one that is up."""
    async with asyncio.timeout(_PATIENCE):
        while not await DBOS.list_workflows_async(status="SUCCESS", load_input=False):  # noqa: ASYNC110  told by the engine's tables alone
            await asyncio.sleep(_POLL_SECONDS)


async def _watch(world: World, number: int) -> Run:
    """Agree to whatever is asked, until the run has ended; read the store when it has changed."""
    asked: set[Stage] = set()
    seen: object = None
    where = f"file:{world.home / 'state' / 'baton.db'}?mode=ro"
    async with asyncio.timeout(_PATIENCE):
        with contextlib.closing(sqlite3.connect(where, uri=True)) as looking:
            while True:
                changed = looking.execute("PRAGMA data_version").fetchone()
                found = looking.execute(_STAGES).fetchall() if changed != seen else ()
                for run_id, stage in ((name, Stage(text)) for name, text in found):
                    if stage.awaits_person and stage not in asked:
                        asked.add(stage)
                        await world.alice.comment(number, "/approve")
                    if stage is Stage.PROPOSED or stage.is_final:
                        run = await services().store.run(run_id)
                        assert run is not None
                        return run
                seen = changed
                await asyncio.sleep(_POLL_SECONDS)


def check_out(case: Case, folder: Path, sha: str) -> Path:
    """Check the head of the pull request out, with upstream's tests in place of ours."""
    (origin,) = (folder / "home" / "forge" / "git").glob("*/*.git")
    root = folder / "head"
    for command in (
        ("git", "clone", "--quiet", "--no-checkout", str(origin), str(root)),
        ("git", "-C", str(root), "checkout", "--quiet", sha),
    ):
        subprocess.run(command, check=True)
    (root / case.bug.tests).write_text(case.hidden, "utf-8")
    return root


async def hidden_passes(case: Case, target: Target, root: Path) -> bool:
    """Run upstream's tests, which no agent has seen, on a checkout."""
    sandbox = open_sandbox(allow_root=os.geteuid() == 0)
    tests = await run_tests(target, root, sandbox, only=case.bug.hidden)
    return tests.is_complete and set(case.bug.hidden) <= tests.passed


def _ref(case: Case) -> RepoRef:
    return RepoRef(owner="alice", name=case.bug.name)
