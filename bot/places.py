"""Where things lie on disk, below the state directory and the cache."""

from pathlib import Path

from shared.domain import RepoRef, Value


class Places(Value):
    """The folders and files of one installation of Baton."""

    home: Path
    cache: Path

    @property
    def database(self) -> Path:
        """The domain's tables (SQLite)."""
        return self.home / "baton.db"

    @property
    def engine(self) -> Path:
        """The workflow engine's tables (SQLite)."""
        return self.home / "engine.db"

    def environments(self, repo: RepoRef) -> Path:
        """Return the folder of a repository's environments; can be rebuilt at any time.

        Code of the repository has a say in what is built, so no other one may use it.
        """
        return self.cache / "environments" / repo.owner / repo.name

    def sources(self, repo: RepoRef) -> Path:
        """Return the cache of what a repository's files hold; can be deleted at any time."""
        return self.cache / "sources" / repo.owner / f"{repo.name}.db"

    def mirror(self, repo: RepoRef) -> Path:
        """Return the bare mirror of a repository."""
        return self.home / "dev_repo" / repo.owner / f"{repo.name}.git"

    def tree(self, repo: RepoRef, number: int, name: str) -> Path:
        """Return the folder of one worktree of a run."""
        return self.home / "runs" / repo.owner / repo.name / str(number) / name

    def snapshot(self, repo: RepoRef, number: int, attempt: int, n: int) -> Path:
        """Return the folder of one snapshot of a run."""
        return self.papers(repo, number) / "snapshots" / f"{attempt}.{n:03}"

    def papers(self, repo: RepoRef, number: int) -> Path:
        """Return the folder of a run's files for people: blueprint and test logs."""
        return self.home / "shared" / repo.owner / repo.name / str(number)
