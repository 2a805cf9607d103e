"""A bare copy of one remote repository, from which worktrees are made and branches pushed."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from urllib.parse import urlsplit
from weakref import WeakValueDictionary

from pydantic import SecretStr

from shared.errors import ConfigurationError, GitError, PushRejected
from shared.git.command import Git
from shared.git.shas import checked
from shared.git.tidy import remove_tree
from shared.git.worktree import Worktree

Credentials = Callable[[], Awaitable[SecretStr | None]]

_SCHEMES = ("https", "http", "file")
_TOKEN = "BATON_GIT_TOKEN"  # noqa: S105 - the name of a variable
# Run by git when the remote asks for a password; printf is a builtin of the shell, so the
# token is in no argv. GitHub takes any user name with a token, and suggests this one.
_HELPER = (
    '!f() { test "$1" = get && printf "username=x-access-token\\npassword=%s\\n" '
    f'"${_TOKEN}"; }}; f'
)
# Git operations on one mirror take turns, whichever object they go through.
_locks: WeakValueDictionary[Path, asyncio.Lock] = WeakValueDictionary()

# The system counts the start of a process from its own to the second only: a lock of the process
# before, killed less than a second ago, would look younger than this one.
_BORN = time.time()


class Mirror:
    """A bare repository at ``path`` that follows the one at ``url``.

    ``credentials`` is asked for a token before each conversation with the remote. The token
    goes to git in the environment of that one process. Git gives it to the URL's own scheme,
    host and port only: the credential helper is configured for exactly these, and
    redirects are not followed.
    """

    def __init__(self, path: Path, url: str, credentials: Credentials) -> None:
        self.path = path.resolve()
        self.url = url if urlsplit(url).scheme else Path(url).resolve().as_uri()
        parts = urlsplit(self.url)
        if parts.scheme not in _SCHEMES or "@" in parts.netloc:
            raise ConfigurationError(
                "The address of a repository is https://, http:// or a local path, and holds "
                "neither user nor password."
            )
        self._credentials = credentials
        self._origin = f"{parts.scheme}://{parts.netloc}"
        self._git = Git(self.path)
        self._lock = _locks.setdefault(self.path, asyncio.Lock())

    async def fetch(self) -> None:
        """Bring branches and tags up to the remote's, creating the mirror when it is missing."""
        async with self._lock:
            await self._prepare()
            remote = await self._remote()
            await remote.run(
                *("fetch", "--quiet", "--prune", "--force", "--no-write-fetch-head", "--no-tags"),
                *("--end-of-options", self.url),
                *("+refs/heads/*:refs/heads/*", "+refs/tags/*:refs/tags/*"),
            )

    async def resolve(self, ref: str) -> str:
        """Return the commit that a branch, a tag or a full object name stands for."""
        for name in (f"refs/heads/{ref}", f"refs/tags/{ref}", ref):
            code, out, _ = await self._git.attempt(
                *("rev-parse", "--verify", "--quiet", "--end-of-options", f"{name}^{{commit}}")
            )
            if code == 0:
                return out.decode().strip()
        raise GitError(
            f"{self.url} has no branch, tag or commit {ref!r}: fetch, or check its name."
        )

    async def has(self, sha: str) -> bool:
        """Tell whether a commit is here already."""
        code, _, _ = await self._git.attempt("cat-file", "-e", f"{checked(sha)}^{{commit}}")
        return code == 0

    async def obtain(self, sha: str) -> None:
        """Make sure that a commit is here.

        Raises GitError when the remote has none of that name on a branch or tag.
        """
        if not ((self.path / "HEAD").is_file() and await self.has(sha)):
            await self.fetch()
            await self.resolve(sha)

    async def share(self, sha: str) -> None:
        """Give a commit to whoever may have to go on with it; here that is this mirror itself."""

    async def add_worktree(self, path: Path, sha: str) -> Worktree:
        """Check a commit out at ``path``; a worktree that is there already stays as it stands."""
        async with self._lock:
            if not await asyncio.to_thread(self._is_made, path):
                await self._check_out(path, checked(sha))
        return self.worktree(path)

    def worktree(self, path: Path) -> Worktree:
        """Return a worktree that was added before, as it stands.

        Raises GitError when there is none at ``path``.
        """
        git_dir = self._find(path)
        if git_dir is None or not self._is_made(path):
            raise GitError(f"There is no worktree at {path}: add one.")
        _clear_stale_locks(git_dir)
        return Worktree(path.resolve(), git_dir)

    async def remove_worktree(self, path: Path) -> None:
        """Delete a worktree with its files, if it is there; its commits stay."""
        async with self._lock:
            await asyncio.to_thread(self._forget, path)

    async def remote_branch(self, branch: str) -> str | None:
        """Ask the remote for the commit of a branch; None when it has no such branch."""
        async with self._lock:
            await self._prepare()
            return await self._ask(await self._remote(), branch)

    async def push(self, sha: str, branch: str, *, expected: str | None = None) -> None:
        """Set a branch of the remote to a commit that follows it; repeat as you like.

        Raises PushRejected when the branch holds commits that ``sha`` does not follow, or
        stands neither on ``sha`` nor on ``expected``; GitError when the push fails otherwise.
        """
        async with self._lock:
            await self._prepare()
            await self._check_name(branch)
            remote = await self._remote()
            # Where nothing is expected, the remote refuses by itself what does not follow.
            present = expected and await self._ask(remote, branch)
            if checked(sha) != present:
                if expected is not None and present != expected:
                    raise PushRejected(_moved(branch))
                await self._send(remote, sha, branch)
            await self._git.run("update-ref", f"refs/heads/{branch}", sha)

    async def replace(self, sha: str, branch: str, *, expected: str) -> None:
        """Set a branch to a commit that need not follow it, if it still stands on ``expected``.

        Only for commits of Baton's own, put onto another base; repeat as you like. Raises
        PushRejected when anybody has moved the branch.
        """
        async with self._lock:
            await self._prepare()
            await self._check_name(branch)
            remote = await self._remote()
            present = await self._ask(remote, branch)
            if present != checked(sha):
                if present != checked(expected):
                    raise PushRejected(_moved(branch))
                lease = f"--force-with-lease=refs/heads/{branch}:{expected}"
                await self._send(remote, sha, branch, lease)
            await self._git.run("update-ref", f"refs/heads/{branch}", sha)

    async def keep(self, sha: str, refs: str) -> None:
        """Keep a commit below a name such as ``refs/baton/7.1``, where fetching lets it be."""
        async with self._lock:
            await self._git.run("update-ref", f"{refs}/{checked(sha)}", sha)

    async def let_go(self, refs: str) -> None:
        """Delete every ref below a name; repeat as you like."""
        async with self._lock:
            if not (self.path / "HEAD").is_file():
                return
            names = await self._git.line("for-each-ref", "--format=delete %(refname)", f"{refs}/")
            await self._git.run("update-ref", "--stdin", stdin=f"{names}\n".encode())

    async def _send(self, remote: Git, sha: str, branch: str, *options: str) -> None:
        code, out, err = await remote.attempt(
            *("push", "--porcelain", "--no-verify", *options, "--end-of-options", self.url),
            f"{sha}:refs/heads/{branch}",
        )
        if code == 0 or await self._ask(remote, branch) == sha:
            return
        report = out.decode(errors="replace")
        if "[rejected]" in report:
            raise PushRejected(_moved(branch))
        refusals = [f"error: {line}" for line in report.splitlines() if line.startswith("!")]
        raise remote.failure("push", "\n".join([*refusals, err]))

    async def _ask(self, remote: Git, branch: str) -> str | None:
        ref = f"refs/heads/{branch}"
        out = await remote.run("ls-remote", "--quiet", "--end-of-options", self.url, ref)
        for line in out.decode().splitlines():
            sha, _, name = line.partition("\t")
            if name == ref:
                return sha
        return None

    async def _check_name(self, branch: str) -> None:
        code, _, _ = await self._git.attempt("check-ref-format", f"refs/heads/{branch}")
        if code != 0:
            raise GitError(f"{branch!r} is not a name that git accepts for a branch.")

    async def _remote(self) -> Git:
        """Return git with what it needs to talk to the remote, and only to it."""
        token = await self._credentials()
        settings = {f"protocol.{urlsplit(self.url).scheme}.allow": "always"}
        if not token:
            return Git(self.path, settings=settings)
        settings[f"credential.{self._origin}.helper"] = _HELPER
        environment = {_TOKEN: token.get_secret_value()}
        return Git(self.path, settings=settings, environment=environment)

    async def _prepare(self) -> None:
        if not (self.path / "HEAD").is_file():
            self.path.mkdir(parents=True, exist_ok=True)
            await self._git.run("init", "--quiet", "--template=")
        await asyncio.to_thread(_clear_stale_locks, self.path)

    async def _check_out(self, path: Path, sha: str) -> None:
        place = await asyncio.to_thread(self._clear_place, path)
        await self._git.run(
            *("worktree", "add", "--quiet", "--detach", "--force", "--end-of-options"),
            *(str(place), sha),
        )

    def _clear_place(self, path: Path) -> Path:
        self._forget(path)
        path.parent.mkdir(parents=True, exist_ok=True)
        return path.resolve()

    def _find(self, path: Path) -> Path | None:
        """Return the git directory of the worktree at a path, by what git keeps on this side."""
        link = path.resolve() / ".git"
        for pointer in self.path.glob("worktrees/*/gitdir"):
            if Path(pointer.read_text().strip()) == link:
                return pointer.parent
        return None

    def _is_made(self, path: Path) -> bool:
        """Tell whether a worktree is whole: git locks it until it has checked everything out."""
        git_dir = self._find(path)
        if git_dir is None or (git_dir / "locked").exists():
            return False
        return (path / ".git").is_file()

    def _forget(self, path: Path) -> None:
        remove_tree(path)
        while git_dir := self._find(path):
            remove_tree(git_dir)


def _moved(branch: str) -> str:
    return (
        f"The branch {branch} on the remote holds commits that are not Baton's, so nothing was "
        "pushed: merge or remove them there, or start a new run."
    )


def _clear_stale_locks(git_dir: Path) -> None:
    """Remove the locks that a killed process left; those of this process are younger than it."""
    for lock in (*git_dir.glob("*.lock"), *(git_dir / "refs").rglob("*.lock")):
        if lock.stat().st_mtime < _BORN:
            lock.unlink(missing_ok=True)
