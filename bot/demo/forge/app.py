"""Put the forge together: API, git, pages and webhooks in one application."""

import contextlib
from collections.abc import AsyncIterator

from fastapi import FastAPI
from starlette.routing import Route

from bot.demo.forge.config import ForgeConfig
from bot.demo.forge.core import Forge
from bot.demo.forge.database import create_tables
from bot.demo.forge.faults import FaultsMiddleware
from bot.demo.forge.git_http import PATH, GitEndpoint
from bot.demo.forge.hookshot import Hookshot
from bot.demo.forge.limits import Limiter
from bot.demo.forge.pages.site import create_site
from bot.demo.forge.registering import Registrar
from bot.demo.forge.rest.api import create_api, create_graphql
from bot.demo.forge.seed import seed


def create_forge(config: ForgeConfig) -> FastAPI:
    """Make the forge as an application; its lifespan opens the state and sends webhooks.

    The API answers under ``config.api_prefix``, git and pages at the root.
    """
    forge = Forge(config)
    hookshot = Hookshot(forge)

    @contextlib.asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        await create_tables(forge.engine)
        try:
            await hookshot.load_unsent()
            await seed(forge)
            async with hookshot.running():
                yield
        finally:
            await forge.engine.dispose()

    app = FastAPI(title="forge", lifespan=lifespan, openapi_url=None)
    app.state.forge, app.state.hookshot = forge, hookshot
    app.add_middleware(FaultsMiddleware, faults=config.faults)
    limiter = Limiter(config.limits, forge.now)
    registrar = Registrar()
    api = create_api(forge, limiter, registrar)
    app.mount(config.api_prefix, api)
    app.mount("/api", create_graphql(forge, limiter))
    app.router.routes.append(Route(PATH, GitEndpoint(forge), methods=None))
    app.mount("/", create_site(forge, api, registrar))
    return app


def forge_of(app: FastAPI) -> tuple[Forge, Hookshot]:
    """Return the open state of an application made here, and the sender of its webhooks."""
    return app.state.forge, app.state.hookshot
