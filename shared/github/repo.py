"""One repository with everything Baton does in it."""

from pydantic import SecretStr

from shared.github.checks import Checks
from shared.github.contents import Contents
from shared.github.conversation import Conversation
from shared.github.news import News
from shared.github.pulls import Pulls
from shared.github.values import Identity


class GitHubRepo(Contents, Conversation, News, Pulls, Checks):
    """A repository as this installation may use it; made by ``GitHub.repo``.

    Every method raises NotFound, Refused or GitHubUnavailable.
    """

    @property
    def url(self) -> str:
        """The repository's page."""
        return self._client.urls.repository(self.ref)

    @property
    def clone_url(self) -> str:
        """The address for git, without credentials."""
        return self._client.urls.clone(self.ref)

    async def git_token(self) -> SecretStr:
        """Return a token for git; in App mode it reaches only this repository's contents."""
        return await self._git_token()

    async def identity(self) -> Identity:
        """Return who Baton is."""
        return await self._identity()
