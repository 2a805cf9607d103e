"""The gateway: takes deliveries, runs the workflows, shows what is going on."""

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Coroutine
from typing import Any

from fastapi import FastAPI
from sqlalchemy.exc import DatabaseError

from bot import arrivals, deliveries, engine, snapshots, status, upkeep, views
from bot.guarding import learn
from bot.occupancy import Occupancy
from bot.places import Places
from bot.rendering import compile_templates
from bot.services import Services, install, services
from bot.workers import hosting
from shared import profiles
from shared.errors import ConfigurationError
from shared.github import GitHub, GitHubUrls, Pace
from shared.sandbox import open_sandbox
from shared.scheduler import Scheduler
from shared.settings import Settings
from shared.store import Store
from shared.store.claim import Claim
from webhooks.routes import create_router

log = logging.getLogger(__name__)


def create_app(settings: Settings) -> FastAPI:
    """Build the gateway.

    Raises ConfigurationError or SandboxUnavailable before anything is started.
    """
    learn(settings)
    secret = settings.require_webhook_secret()
    github = connect(settings)
    profile = profiles.load(settings.profile)
    sandbox = open_sandbox(allow_root=settings.allow_root_sandbox)
    places = Places(home=settings.home.resolve(), cache=settings.cache.resolve())
    occupancy = Occupancy.of(places.home)
    store = _open_store(settings, places)
    url = settings.shared_database()
    claim = Claim.of(url) if url else None

    @contextlib.asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        scheduler = Scheduler(store.leases, profile, before_switch=snapshots.keep_before)
        snapshots.forget_all()
        install(Services(settings, profile, places, store, sandbox, scheduler, github))
        nodes = [node.name for node in profile.nodes]
        try:
            async with _beside(scheduler.run()):
                await engine.launch(url or places.engine, nodes=nodes)
                try:
                    async with (
                        _beside(asyncio.to_thread(compile_templates)),
                        _beside(upkeep.forever(settings.status_seconds)),
                        _beside(arrivals.keep_arriving(services())),
                        hosting.watching(),
                    ):
                        yield
                finally:
                    await engine.stop()
                    await status.settle()
                    await scheduler.aclose()
        finally:
            await store.close()
            if claim:
                claim.release()
            occupancy.release()
            await github.aclose()

    app = FastAPI(title="Baton", lifespan=lifespan, docs_url=None, redoc_url=None, openapi_url=None)
    app.include_router(create_router(secret, deliveries.accept))
    app.include_router(views.router)
    hosting.open_gate(app, settings, store, places)
    return app


@contextlib.asynccontextmanager
async def _beside(work: Coroutine[Any, Any, None]) -> AsyncIterator[None]:
    """Do something beside everything else until the context is left; its end by a fault is told."""
    task = asyncio.create_task(work)
    task.add_done_callback(_tell_fault)
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


def _tell_fault(task: asyncio.Task[None]) -> None:
    if not task.cancelled() and (error := task.exception()) is not None:
        log.critical("A part of the gateway has ended; restart it: baton serve", exc_info=error)


def _open_store(settings: Settings, places: Places) -> Store:
    url = settings.shared_database()
    try:
        return Store.at(url) if url else Store.open(places.database)
    except DatabaseError as error:
        raise ConfigurationError(
            f"The database of BATON_DATABASE_URL does not let Baton in ({type(error).__name__}). "
            "Is the server up, and are user, password and database right?"
            if url
            else f"{places.database} cannot be read as Baton's database. Move it away, or set "
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
