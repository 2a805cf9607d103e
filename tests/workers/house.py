"""A gateway's door for workers, without the rest of the gateway: real git, real HTTP."""

import contextlib
import hashlib
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path

from pydantic import SecretStr
from starlette.applications import Starlette
from starlette.routing import Route

from bot.places import Places
from bot.serving import serve
from bot.workers.gate import PATH, GitGate
from shared.domain import RepoRef
from shared.git import Mirror
from shared.git.run_copy import RunCopy, namespace
from shared.store import Run, Store, WorkerStore
from tests.forge.git import git

REPO = RepoRef(owner="alice", name="parcel")
WORKER = "mini/1"
TOKEN = "the token of run 7.1"
OTHER_TOKEN = "the token of run 71.1"
BOUND = 45.0


async def no_token() -> SecretStr | None:
    """Give no credentials."""
    return None


@dataclass
class Door:
    """What a test knocks at."""

    url: str
    root: Path
    store: Store
    workers: WorkerStore
    mirror: Mirror
    base: str
    run: Run
    builds: set[tuple[str, str]] = field(default_factory=set)

    @property
    def digest(self) -> str:
        """What the gateway keeps of the run's token."""
        return _digest(TOKEN)

    @property
    def refs(self) -> str:
        """The namespace of the run that the token is for."""
        return namespace(self.run.number, self.run.attempt)

    def address(self, repo: str = str(REPO)) -> str:
        """Return the address of a mirror."""
        return f"{self.url}/git/{repo}.git"

    def copy(self, folder: str, token: str = TOKEN, *, repo: str = str(REPO)) -> RunCopy:
        """Return a worker's copy of the run's commits in a folder of its own."""

        async def credentials() -> SecretStr | None:
            return SecretStr(token) if token else None

        return RunCopy(self.root / folder, self.address(repo), credentials, self.refs)

    async def commit(self, copy: RunCopy, message: str = "Work") -> str:
        """Make a commit on the base in a worker's copy, known to no ref."""
        made = ("commit-tree", "-p", self.base, "-m", message, f"{self.base}^{{tree}}")
        return (await git("--git-dir", str(copy.path), *made)).strip()

    async def names(self) -> list[str]:
        """List the refs of the gateway's mirror."""
        path = str(self.mirror.path)
        listed = await git("--git-dir", path, "for-each-ref", "--format=%(refname)")
        return listed.splitlines()


@contextlib.asynccontextmanager
async def open_door(root: Path, store: Store) -> AsyncIterator[Door]:
    """Serve the mirror of a repository in which two runs have left commits."""
    places = Places(home=root / "home", cache=root / "cache")
    mirror, base = await _mirror(root, places)
    workers = WorkerStore(store.engine)
    runs = [await _run(store, number) for number in (7, 71)]
    for run in runs:
        await mirror.keep(base, namespace(run.number, run.attempt))
    await workers.enter(WORKER, "mini", "host", 1, "/home")
    builds: set[tuple[str, str]] = set()
    for run, token in zip(runs, (TOKEN, OTHER_TOKEN), strict=True):
        await workers.grant(_digest(token), run.id, WORKER, 600)
        builds.add((run.id, WORKER))

    async def at_work(run_id: str, worker_id: str) -> bool:
        return (run_id, worker_id) in builds

    gate = GitGate(store, places, workers, at_work, BOUND)
    app = Starlette(routes=[Route(PATH, gate, methods=None)])
    async with serve(app) as url:
        yield Door(url, root, store, workers, mirror, base, runs[0], builds)


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()


async def _mirror(root: Path, places: Places) -> tuple[Mirror, str]:
    """Make a remote with two branches and the gateway's mirror of it."""
    remote = root / "remote"
    remote.mkdir()
    await git("init", "--quiet", "--initial-branch=master", str(remote))
    (remote / "a.txt").write_text("a\n")
    await git("-C", str(remote), "add", "a.txt")
    await git("-C", str(remote), "commit", "--quiet", "-m", "First")
    base = (await git("-C", str(remote), "rev-parse", "HEAD")).strip()
    await git("-C", str(remote), "checkout", "--quiet", "-b", "secret")
    await git("-C", str(remote), "commit", "--quiet", "--allow-empty", "-m", "Not for this run")
    mirror = Mirror(places.mirror(REPO), str(remote), no_token)
    await mirror.fetch()
    return mirror, base


async def _run(store: Store, number: int) -> Run:
    return await store.add_run(
        Run(origin=f"{number}", repo=str(REPO), number=number, requester="alice", title="t")
    )
