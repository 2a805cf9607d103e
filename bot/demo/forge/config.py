"""What a forge is made of: the App, the people, the repositories and the rules of the day."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from enum import IntEnum
from pathlib import Path

from pydantic import ConfigDict, Field, SecretStr

from bot.demo.forge.faults import Faults
from shared.domain import Value

Clock = Callable[[], datetime]


def utc_now() -> datetime:
    """Return the present moment in UTC."""
    return datetime.now(UTC)


class Level(IntEnum):
    """What a person may do in a repository, from nothing to everything."""

    NONE = 0
    READ = 1
    TRIAGE = 2
    WRITE = 3
    MAINTAIN = 4
    ADMIN = 5

    @property
    def role(self) -> str:
        """Return GitHub's ``role_name``."""
        return self.name.lower()

    @property
    def legacy(self) -> str:
        """Return GitHub's older ``permission``, which knows neither triage nor maintain."""
        return {"TRIAGE": "read", "MAINTAIN": "write"}.get(self.name, self.role)


class Person(Value):
    """An account that a human uses, with a personal access token when it calls the API."""

    login: str
    name: str = ""
    email: str = ""
    token: SecretStr | None = None


class AppRegistration(Value):
    """A GitHub App as its settings page would list it."""

    id: int = 1
    slug: str = "baton"
    name: str = "Baton"
    public_key: str = Field(description="PEM of the key that its JWTs are checked with")
    permissions: Mapping[str, str] = {
        "metadata": "read",
        "issues": "write",
        "pull_requests": "write",
        "contents": "write",
        "checks": "write",
    }
    events: tuple[str, ...] = (
        "issues",
        "issue_comment",
        "pull_request",
        "pull_request_review",
        "pull_request_review_comment",
        "check_run",
        "check_suite",
        "push",
    )


class RepositorySeed(Value):
    """A repository that exists from the start.

    Without ``from_directory`` it holds a README only. The owner is an admin.
    """

    owner: str
    name: str
    description: str = ""
    private: bool = False
    from_directory: Path | None = None
    collaborators: Mapping[str, Level] = {}


class RateLimits(Value):
    """GitHub's limits; the defaults are the published ones of November 2026."""

    requests_per_hour: int = 5000
    writes_per_minute: int = 80
    writes_per_hour: int = 500


class ForgeConfig(Value):
    """Everything ``create_forge`` needs."""

    model_config = ConfigDict(frozen=True, extra="forbid", arbitrary_types_allowed=True)

    state: Path
    url: str
    app: AppRegistration
    webhook_secret: SecretStr
    webhook_url: str | None = None
    people: tuple[Person, ...] = (Person(login="alice", name="Alice"),)
    repositories: tuple[RepositorySeed, ...] = ()
    signed_in: str = "alice"
    api_prefix: str = "/api/v3"
    banner: str = ""
    series: str = Field("", description="seed of the delivery GUIDs; random when empty")
    first_contact: float = Field(60, description="seconds to wait for the receiver to start")
    clock: Clock = utc_now
    limits: RateLimits = RateLimits()
    faults: Faults = Field(default_factory=Faults)
