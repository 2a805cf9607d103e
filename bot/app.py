"""The gateway: takes deliveries, runs the workflows, shows what is going on."""

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator

from fastapi import FastAPI
from sqlalchemy.exc import DatabaseError

from bot import deliveries, engine, snapshots, upkeep, views
from bot.occupancy import Occupancy
from bot.places import Places
from bot.services import Services, install
from shared import profiles
from shared.errors import ConfigurationError
from shared.github import GitHub, GitHubUrls, Pace
from shared.sandbox import open_sandbox
from shared.scheduler import Scheduler, SwitchPlan
from shared.settings import Settings
from shared.store import Store
from webhooks.routes import create_router

log = logging.getLogger(__name__)


def create_app(settings: Settings) -> FastAPI:
    """Build the gateway.

    Raises ConfigurationError or SandboxUnavailable before anything is started.
    """
    secret = settings.require_webhook_secret()
    github = connect(settings)
    profile = profiles.load(settings.profile)
    sandbox = open_sandbox(allow_root=settings.allow_root_sandbox)
    places = Places(home=settings.home.resolve(), cache=settings.cache.resolve())
    occupancy = Occupancy.of(places.home)
    store = _open_store(places)

    @contextlib.asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        scheduler = Scheduler(store.engine, profile, before_switch=_keep_before)
        install(Services(settings, profile, places, store, sandbox, scheduler, github))
        scheduling = asyncio.create_task(scheduler.run())
        await engine.launch(places.engine)
        keeping = asyncio.create_task(upkeep.forever(settings.status_seconds))
        try:
            yield
        finally:
            keeping.cancel()
            await asyncio.gather(keeping, return_exceptions=True)
            await engine.stop()
            await scheduler.aclose()
            scheduling.cancel()
            await asyncio.gather(scheduling, return_exceptions=True)
            await store.close()
            occupancy.release()
            await github.aclose()

    app = FastAPI(title="Baton", lifespan=lifespan, docs_url=None, redoc_url=None, openapi_url=None)
    app.include_router(create_router(secret, deliveries.accept))
    app.include_router(views.router)
    return app


async def _keep_before(plan: SwitchPlan) -> None:
    """Put the runs that a switch of models touches on disk before it is made."""
    leaving = tuple(model.name for model in plan.leaving)
    await snapshots.before_switch(plan.incoming, leaving, plan.node)


def _open_store(places: Places) -> Store:
    try:
        return Store.open(places.database)
    except DatabaseError as error:
        raise ConfigurationError(
            f"{places.database} cannot be read as Baton's database. Move it away, or set "
            "BATON_HOME to another folder."
        ) from error


def connect(settings: Settings) -> GitHub:
    """Return the connection to GitHub that the settings describe."""
    urls = GitHubUrls(api=settings.github_api_url, web=settings.github_web_url)
    pace = Pace(write_spacing=settings.write_spacing)
    if settings.app_id is not None:
        return GitHub.as_app(settings.app_id, settings.private_key(), urls, pace=pace)
    if settings.token is not None:
        return GitHub.with_token(settings.token, urls, pace=pace)
    raise ConfigurationError(
        "Baton does not know who it is on GitHub. Set BATON_APP_ID and BATON_PRIVATE_KEY_FILE "
        "for a GitHub App, or BATON_GITHUB_TOKEN for a personal token."
    )
