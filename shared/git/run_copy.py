"""A worker's copy of the gateway's mirror: it reads and adds commits of one run, nothing else.

Every state of a run's files is a commit that lies under the run's own namespace of refs, named
after itself. So nothing is ever overwritten, and who takes a run over finds each state by name.
"""

from pathlib import Path

from shared.git.mirror import Credentials, Mirror
from shared.git.shas import checked


def namespace(number: int, attempt: int) -> str:
    """Name the refs of a run within the mirror of its repository."""
    return f"refs/baton/{number}.{attempt}"


class RunCopy(Mirror):
    """The mirror as one run sees it from a worker; runs of a repository share its folder."""

    def __init__(self, path: Path, url: str, credentials: Credentials, refs: str) -> None:
        super().__init__(path, url, credentials)
        self._refs = refs
        self._shared: set[str] = set()

    async def fetch(self) -> None:
        """Bring over every commit of the run that is not here yet."""
        async with self._lock:
            await self._prepare()
            remote = await self._remote()
            await remote.run(
                *("fetch", "--quiet", "--no-write-fetch-head", "--no-tags"),
                *("--end-of-options", self.url, f"+{self._refs}/*:{self._refs}/*"),
            )

    async def obtain(self, sha: str) -> None:
        """Make sure that a commit of the run is here.

        Raises GitError.
        """
        if not ((self.path / "HEAD").is_file() and await self.has(sha)):
            await self.fetch()

    async def share(self, sha: str) -> None:
        """Give a commit to the gateway; repeat as you like.

        Raises GitError.
        """
        if checked(sha) in self._shared:
            return
        async with self._lock:
            remote = await self._remote()
            await remote.run(
                *("push", "--quiet", "--no-verify", "--end-of-options", self.url),
                f"{sha}:{self._refs}/{sha}",
            )
        self._shared.add(sha)
