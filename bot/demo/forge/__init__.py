"""An embedded GitHub: the part of its API, webhooks, git and pages that Baton lives on."""

from bot.demo.forge.app import create_forge, forge_of
from bot.demo.forge.config import (
    AppRegistration,
    ForgeConfig,
    Level,
    Person,
    RateLimits,
    RepositorySeed,
)
from bot.demo.forge.faults import Faults, When
from bot.demo.forge.seed import create_repository

__all__ = [
    "AppRegistration",
    "Faults",
    "ForgeConfig",
    "Level",
    "Person",
    "RateLimits",
    "RepositorySeed",
    "When",
    "create_forge",
    "create_repository",
    "forge_of",
]
