"""The pages as one application."""

from fastapi import FastAPI

from bot.demo.forge.core import Forge


def create_site(forge: Forge) -> FastAPI:
    """Put the pages together."""
    site = FastAPI(title="forge pages", openapi_url=None)
    site.state.forge = forge
    return site
