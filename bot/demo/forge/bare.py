"""The bare git repositories behind the forge, through the git command."""

import asyncio
import itertools
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from shared.errors import GitError

_COMMIT_FORMAT = "%H%x00%T%x00%P%x00%an%x00%ae%x00%aI%x00%cn%x00%ce%x00%cI%x00%B%x00"
_COMMIT_FIELDS = 10
_CONFIG = """[http]
	receivepack = true
[uploadpack]
	allowFilter = true
	allowAnySHA1InWant = true
[receive]
	autogc = false
	hideRefs = refs/pull
"""


def clean_environment(home: Path, extra: Mapping[str, str] | None = None) -> dict[str, str]:
    """Return an environment in which no setting of the machine's user reaches git."""
    return {
        "PATH": os.environ.get("PATH", os.defpath),
        "HOME": str(home),
        "LC_ALL": "C.UTF-8",
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_CONFIG_GLOBAL": os.devnull,
        "GIT_TERMINAL_PROMPT": "0",
        **(extra or {}),
    }


@dataclass(frozen=True)
class Signature:
    """Who made a commit, and when; ISO 8601."""

    name: str
    email: str
    date: str

    def environment(self, role: str) -> dict[str, str]:
        """Return the variables that let git sign as AUTHOR or COMMITTER."""
        values = {"NAME": self.name, "EMAIL": self.email, "DATE": self.date}
        return {f"GIT_{role}_{key}": value for key, value in values.items()}


@dataclass(frozen=True)
class Commit:
    """A commit as git stores it."""

    sha: str
    tree: str
    parents: tuple[str, ...]
    author: Signature
    committer: Signature
    message: str


@dataclass(frozen=True)
class TreeEntry:
    """A file or directory of a tree."""

    kind: str
    sha: str
    size: int
    path: str

    @property
    def name(self) -> str:
        """Return the last part of the path."""
        return self.path.rpartition("/")[2]


class BareRepository:
    """One bare repository."""

    def __init__(self, path: Path) -> None:
        self.path = path

    async def git(
        self, *args: str, stdin: bytes = b"", env: Mapping[str, str] | None = None
    ) -> bytes:
        """Run git and return its output. Raises GitError with what git said."""
        code, out, err = await self._run(args, stdin, env)
        if code:
            raise GitError(f"git {args[0]} failed in the forge: {err.decode().strip()}")
        return out

    async def _run(
        self, args: Sequence[str], stdin: bytes = b"", env: Mapping[str, str] | None = None
    ) -> tuple[int, bytes, bytes]:
        process = await asyncio.create_subprocess_exec(
            "git",
            "--git-dir",
            str(self.path),
            *args,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            env=clean_environment(self.path, env),
        )
        out, err = await process.communicate(stdin)
        return process.returncode or 0, out, err

    async def create(self, hook: str) -> None:
        """Make an empty repository that can be pushed to over HTTP, with a pre-receive hook."""
        self.path.mkdir(parents=True)
        await self.git("init", "--quiet", "--bare", "--initial-branch=main", "--template=")
        await asyncio.to_thread(self._configure, hook)

    def _configure(self, hook: str) -> None:
        with (self.path / "config").open("a", encoding="utf-8") as config:
            config.write(_CONFIG)
        script = self.path / "hooks" / "pre-receive"
        script.parent.mkdir()
        script.write_text(hook, "utf-8")
        script.chmod(0o755)

    async def import_directory(self, source: Path, branch: str, by: Signature, message: str) -> str:
        """Commit a copy of a directory as the first commit of a branch; return its SHA."""
        index = self.path / "import.index"
        env = {"GIT_INDEX_FILE": str(index), "GIT_WORK_TREE": str(source)}
        await self.git("add", "--all", "--force", ".", env=env)
        tree = (await self.git("write-tree", env=env)).decode().strip()
        await asyncio.to_thread(index.unlink)
        sha = await self.commit_tree(tree, (), by, by, message)
        await self.update_ref(f"refs/heads/{branch}", sha)
        return sha

    async def commit_tree(
        self,
        tree: str,
        parents: Sequence[str],
        author: Signature,
        committer: Signature,
        message: str,
    ) -> str:
        """Store a commit; return its SHA."""
        env = author.environment("AUTHOR") | committer.environment("COMMITTER")
        flags = itertools.chain.from_iterable(("-p", parent) for parent in parents)
        out = await self.git("commit-tree", tree, *flags, stdin=message.encode(), env=env)
        return out.decode().strip()

    async def update_ref(self, ref: str, sha: str, expected: str | None = None) -> None:
        """Point a reference at a commit, if it still points where expected."""
        await self.git("update-ref", ref, sha, *([expected] if expected else []))

    async def refs(self, prefix: str = "refs/heads/") -> dict[str, str]:
        """Map the references under a prefix to their commits."""
        out = await self.git("for-each-ref", "--format=%(refname) %(objectname)", prefix)
        lines = (line.partition(" ") for line in out.decode().splitlines())
        return {name: sha for name, _, sha in lines}

    async def resolve(self, revision: str) -> str | None:
        """Return the commit that a branch, tag or SHA names, or None."""
        code, out, _ = await self._run(
            ("rev-parse", "--verify", "--quiet", "--end-of-options", f"{revision}^{{commit}}")
        )
        return None if code else out.decode().strip()

    async def merge_base(self, base: str, head: str) -> str | None:
        """Return the best common ancestor, or None."""
        code, out, _ = await self._run(("merge-base", base, head))
        return None if code else out.decode().strip()

    async def log(self, *revisions: str, limit: int = 250) -> tuple[Commit, ...]:
        """Return the commits of a range, newest first."""
        out = await self.git(
            "log", f"--max-count={limit}", f"--format=format:{_COMMIT_FORMAT}", *revisions, "--"
        )
        # Git puts a newline between records; every field but the last ends with NUL.
        fields = out.decode("utf-8", "replace").split("\0")[:-1]
        starts = range(0, len(fields), _COMMIT_FIELDS)
        return tuple(_commit(fields[start : start + _COMMIT_FIELDS]) for start in starts)

    async def count(self, revisions: str) -> int:
        """Count the commits of a range."""
        return int(await self.git("rev-list", "--count", revisions, "--"))

    async def tree(self, revision: str, path: str = "") -> tuple[TreeEntry, ...]:
        """List a directory of a commit."""
        target = [path.rstrip("/") + "/"] if path else []
        out = await self.git("ls-tree", "-z", "--long", revision, "--", *target)
        return tuple(_tree_entry(line) for line in out.decode().split("\0")[:-1])

    async def entry(self, revision: str, path: str) -> TreeEntry | None:
        """Return the entry of one path of a commit, or None."""
        out = await self.git("ls-tree", "-z", "--long", revision, "--", path)
        return _tree_entry(out.decode().split("\0")[0]) if out else None

    async def blob(self, sha: str) -> bytes:
        """Return the content of a file."""
        return await self.git("cat-file", "blob", sha)

    async def diff(self, base: str, head: str) -> str:
        """Return the unified diff between two commits."""
        out = await self.git(
            "diff", "--no-color", "--no-ext-diff", "--no-textconv", "--full-index", "-M", base, head
        )
        return out.decode("utf-8", "replace")

    async def merged_tree(self, base: str, head: str) -> str | None:
        """Merge two commits; return the tree, or None when they conflict."""
        code, out, _ = await self._run(("merge-tree", "--write-tree", base, head))
        return None if code else out.decode().split()[0]


def _commit(fields: Sequence[str]) -> Commit:
    sha, tree, parents, *people, message = fields
    return Commit(
        sha.strip(),
        tree,
        tuple(parents.split()),
        Signature(*people[:3]),
        Signature(*people[3:]),
        message.rstrip("\n"),
    )


def _tree_entry(line: str) -> TreeEntry:
    meta, _, path = line.partition("\t")
    _, kind, sha, size = meta.split()
    return TreeEntry(kind, sha, 0 if size == "-" else int(size), path)
