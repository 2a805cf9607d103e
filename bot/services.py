"""What the workflows reach: one container, installed once when the service starts.

The engine calls workflows by name after a restart, so they cannot be handed their
collaborators as arguments; they take them from here.
"""

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


@dataclass(frozen=True)
class Services:
    """The collaborators of every workflow."""

    settings: Settings
    profile: Profile
    places: Places
    store: Store
    github: GitHub
    sandbox: Sandbox
    scheduler: Scheduler
    progress: ProgressBoard = field(default_factory=ProgressBoard)
    _mirrors: dict[RepoRef, Mirror] = field(default_factory=dict)

    async def repo(self, ref: RepoRef) -> GitHubRepo:
        """Return a repository as this installation sees it."""
        return await self.github.repo(ref)

    async def mirror(self, ref: RepoRef) -> Mirror:
        """Return the one mirror of a repository; it keeps its users out of each other's way."""
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
