"""What a machine must have, and must not have, to build for a gateway."""

from dataclasses import dataclass

from pydantic import SecretStr

from shared.errors import ConfigurationError
from shared.profiles import Profile
from shared.settings import Settings

_OWN = {"database_url"}
"""The one secret that a worker has."""
_NAMES = {"token": "BATON_GITHUB_TOKEN"}


@dataclass(frozen=True)
class Means:
    """What a worker starts with."""

    database: str
    gateway: str


def require_means(settings: Settings, profile: Profile, node: str) -> Means:
    """Check a worker's settings.

    Raises ConfigurationError that says what to set or to take away.
    """
    _refuse_credentials(settings)
    database = settings.shared_database()
    if database is None:
        raise ConfigurationError(
            "A worker shares a PostgreSQL database with its gateway; a SQLite file belongs to one "
            "process. Type on both machines: export BATON_DATABASE_URL="
            "postgresql://USER:PASSWORD@GATEWAY:5432/baton"
        )
    if settings.gateway_url is None:
        raise ConfigurationError(
            "A worker takes commits from its gateway's mirror and gives them back. Type here: "
            "export BATON_GATEWAY_URL=http://GATEWAY:8420, the address at which "
            "baton serve answers (BATON_HOST there)."
        )
    known = [one.name for one in profile.nodes]
    if node not in known:
        raise ConfigurationError(
            f"The profile {profile.name} has no node {node!r}. Choose one of {', '.join(known)}, "
            "or add it to the profile on both machines."
        )
    return Means(database=database, gateway=settings.gateway_url)


def _refuse_credentials(settings: Settings) -> None:
    """Models' code runs on a worker: what it does not hold cannot be stolen there."""
    held = [
        name
        for name in type(settings).model_fields
        if name not in _OWN and isinstance(getattr(settings, name), SecretStr)
    ]
    held += ["private_key_file"] if settings.private_key_file else []
    if held:
        names = ", ".join(_NAMES.get(name, f"BATON_{name.upper()}") for name in held)
        raise ConfigurationError(
            f"A worker holds no key to GitHub or to a cloud, but {names} is set here. Keep it on "
            "the gateway, which does all of that, and unset it on this machine."
        )
