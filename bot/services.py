"""What the workflows reach: one container, installed once when the service starts.

The engine calls workflows by name after a restart, so they cannot be handed their
collaborators as arguments; they take them from here.
"""

from collections.abc import Callable
from dataclasses import dataclass, field

from bot.places import Places
from bot.progress import ProgressBoard
from shared.domain import RepoRef
from shared.git import Mirror
from shared.github import GitHub, GitHubRepo
from shared.profiles import Profile
from shared.sandbox import Sandbox
from shared.scheduler import Scheduler
from shared.settings import Settings
from shared.store import Store

Copies = Callable[[RepoRef, str], Mirror]
"""Gives a run, by its id, a worker's view of the gateway's mirror of a repository."""


@dataclass(frozen=True)
class Services:
    """The collaborators of every workflow.

    A worker has no ``connection`` to GitHub; it has ``copies`` of what the gateway has fetched.
    """

    settings: Settings
    profile: Profile
    places: Places
    store: Store
    sandbox: Sandbox
    scheduler: Scheduler
    connection: GitHub | None = None
    copies: Copies | None = None
    progress: ProgressBoard = field(default_factory=ProgressBoard)
    _mirrors: dict[RepoRef | str, Mirror] = field(default_factory=dict)

    @property
    def is_gateway(self) -> bool:
        """Tell whether this is the process that talks to GitHub."""
        return self.connection is not None

    @property
    def has_workers(self) -> bool:
        """Tell whether others may build: they share this process's database."""
        return self.settings.database_url is not None

    @property
    def github(self) -> GitHub:
        """The connection to GitHub, on the gateway."""
        assert self.connection is not None, "a worker does not talk to GitHub"
        return self.connection

    async def repo(self, ref: RepoRef) -> GitHubRepo:
        """Return a repository as this installation sees it."""
        return await self.github.repo(ref)

    async def mirror(self, ref: RepoRef, run_id: str = "") -> Mirror:
        """Return the one mirror of a repository; on a worker what a run may see of it."""
        if self.copies is not None:
            if run_id not in self._mirrors:
                self._mirrors[run_id] = self.copies(ref, run_id)
            return self._mirrors[run_id]
        if ref not in self._mirrors:
            repo = await self.repo(ref)
            self._mirrors[ref] = Mirror(self.places.mirror(ref), repo.clone_url, repo.git_token)
        return self._mirrors[ref]


_installed: list[Services] = []


def install(services: Services) -> None:
    """Make the services reachable for workflows, in place of any before."""
    _installed[:] = [services]


def services() -> Services:
    """Return the installed services."""
    assert _installed, "the service has not been started"
    return _installed[0]
