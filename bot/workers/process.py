"""``baton worker``: builds for a gateway on another machine, and holds nothing that is secret."""

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator
from pathlib import Path

from sqlalchemy.exc import DBAPIError

from bot import delegation, engine, snapshots
from bot.occupancy import Occupancy
from bot.places import Places
from bot.services import Copies, Services, install
from bot.workers.fitness import Means, require_means
from bot.workers.presence import new_name, present
from bot.workers.showing import show_forever
from bot.workers.tokens import Tokens
from shared import profiles
from shared.domain import RepoRef
from shared.errors import ConfigurationError
from shared.git import Mirror
from shared.git.run_copy import RunCopy, namespace
from shared.git.tidy import remove_tree
from shared.profiles import Profile
from shared.sandbox import open_sandbox
from shared.scheduler import Scheduler
from shared.settings import Settings
from shared.store import Store, WorkerStore
from shared.store.address import open_engine
from shared.store.schema import require_present

_BUILDS = (delegation.build_elsewhere, delegation.answer_elsewhere)  # make them known by name

log = logging.getLogger(__name__)


async def run_worker(settings: Settings, node: str) -> int:
    """Build until told to stop.

    Raises ConfigurationError or SandboxUnavailable before anything is started.
    """
    profile = nearest(profiles.load(settings.profile), node)
    means = require_means(settings, profile, node)
    places = Places(home=settings.home.resolve(), cache=settings.cache.resolve())
    occupancy = Occupancy.of(places.home)
    try:
        await asyncio.to_thread(_make_ready, means, places)
        name = new_name(node)
        async with _serving(settings, profile, places, means, name) as workers:
            bound = settings.worker_seconds
            async with present(workers, name, node, places.home, bound):
                await engine.launch(means.database, name=name, queues=[engine.node_queue(node)])
                try:
                    log.info("%s builds for %s.", name, means.gateway)
                    await asyncio.Event().wait()
                finally:
                    await engine.stop()
    finally:
        occupancy.release()
    return 0


def nearest(profile: Profile, node: str) -> Profile:
    """Let a model that several nodes hold be asked on this one first."""
    models = sorted(profile.models, key=lambda model: model.node != node)
    return profile.model_copy(update={"models": tuple(models)})


@contextlib.asynccontextmanager
async def _serving(
    settings: Settings, profile: Profile, places: Places, means: Means, name: str
) -> AsyncIterator[WorkerStore]:
    """Install what a build reaches: no GitHub, and of the repository what its token shows."""
    store = Store(open_engine(means.database))
    workers = WorkerStore(store.engine)
    scheduler = Scheduler(store.leases, profile, before_switch=snapshots.keep_before, holder=name)
    services = Services(
        settings=settings,
        profile=profile,
        places=places,
        store=store,
        sandbox=open_sandbox(allow_root=settings.allow_root_sandbox),
        scheduler=scheduler,
        copies=_copies(places, means, Tokens(workers, name)),
    )
    install(services)
    beside = [
        asyncio.create_task(scheduler.run()),
        asyncio.create_task(show_forever(workers, name, services.progress)),
    ]
    try:
        yield workers
    finally:
        await scheduler.aclose()
        for task in beside:
            task.cancel()
        await asyncio.gather(*beside, return_exceptions=True)
        await store.close()


def _copies(places: Places, means: Means, tokens: Tokens) -> Copies:
    """Return what gives each run its view of the gateway's mirror."""

    def copy(ref: RepoRef, run_id: str) -> Mirror:
        number, _, attempt = run_id.rpartition("#")[2].partition(".")
        url = f"{means.gateway}/git/{ref}.git"
        refs = namespace(int(number), int(attempt))
        return RunCopy(places.mirror(ref), url, tokens.of(run_id), refs)

    return copy


def _make_ready(means: Means, places: Places) -> None:
    """Check the database, and remove what an earlier process was working on."""
    try:
        require_present(means.database)
    except DBAPIError as error:
        raise ConfigurationError(
            f"The database does not let this worker in ({_reason(error)}). Check "
            "BATON_DATABASE_URL, listen_addresses and pg_hba.conf of the server, and the network."
        ) from error
    remove_tree(Path(places.home / "runs"))


def _reason(error: DBAPIError) -> str:
    """Return the first line of what the driver says; it holds no password."""
    said = str(error.orig).strip().splitlines()
    return said[0] if said else type(error.orig).__name__
