"""The worktrees of runs on this machine: made when they are wanted, gone when a run is over.

What each one holds is known in memory, so that files which stand right are not laid out anew.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path

from bot import snapshots
from bot.context import RunContext
from bot.services import services
from shared.domain import Value
from shared.errors import GitError
from shared.git import Worktree
from shared.git.run_copy import namespace
from shared.store import WorkerStore


class Files(Value):
    """What a worktree holds: the commit it stands on, and the tree of its files."""

    head: str
    tree: str

    @classmethod
    def of(cls, sha: str) -> "Files":
        """Return the unchanged files of a commit."""
        return cls(head=sha, tree=sha)


@dataclass
class _Known:
    """What this process knows of a worktree: its files, and commits that are in the mirror."""

    tree: str = ""
    here: set[str] = field(default_factory=set)


_KNOWN: dict[Path, _Known] = {}


def path_of(run: RunContext, name: str) -> Path:
    """Return where a run's worktree of that name is."""
    return services().places.tree(run.ref, run.number, f"{run.attempt}.{name}")


def base_of(run: RunContext, sha: str) -> Path:
    """Return where a run keeps a base commit as no model has touched it."""
    return path_of(run, f"base-{sha[:12]}")


async def opened(run: RunContext, path: Path, sha: str) -> Worktree:
    """Return a worktree as it stands, or a new one at a commit."""
    mirror = await run.mirror()
    try:
        return mirror.worktree(path)
    except GitError:
        _KNOWN.pop(path, None)
    await mirror.obtain(sha)
    added = await mirror.add_worktree(path, sha)
    note(path, sha)
    return added


@contextlib.asynccontextmanager
async def opened_ahead(run: RunContext, *paths: Path, sha: str) -> AsyncIterator[None]:
    """Have worktrees at a commit made beside what is done meanwhile, those that are missing.

    What goes wrong with it comes up again where they are wanted.
    """

    async def work() -> None:
        for path in paths:
            await opened(run, path, sha)

    task = asyncio.create_task(work())
    try:
        yield
    except BaseException:
        task.cancel()
        raise
    finally:
        await asyncio.gather(task, return_exceptions=True)


async def reachable(run: RunContext, path: Path, files: Files) -> Worktree:
    """Return a worktree beside whose files, whatever they are, those commits can be read."""
    tree = await opened(run, path, files.head)
    known = _KNOWN.setdefault(path, _Known())
    if files.tree not in known.here:
        await (await run.mirror()).obtain(files.tree)
        known.here.add(files.tree)
    return tree


async def laid_out(run: RunContext, path: Path, files: Files) -> Worktree:
    """Return a worktree with exactly these files in it."""
    tree = await reachable(run, path, files)
    if _KNOWN[path].tree != files.tree:
        # Where another machine went on meanwhile, the worktree stands on an older commit.
        if files.tree == files.head or await tree.head() != files.head:
            await tree.reset(files.head)
        if files.tree != files.head:
            await tree.restore(files.tree)
        note(path, files.tree)
    return tree


def note(path: Path, sha: str) -> None:
    """Remember that a worktree holds the files of a commit."""
    known = _KNOWN.setdefault(path, _Known())
    known.tree = sha
    known.here.add(sha)


def touch(path: Path) -> None:
    """Remember that nobody knows what a worktree holds: something is about to run in it."""
    _KNOWN.setdefault(path, _Known()).tree = ""


async def clear(run: RunContext) -> None:
    """Remove the worktrees of a run from this machine; they can be made again."""
    mirror = await run.mirror()
    for path in path_of(run, "").parent.glob(f"{run.attempt}.*"):
        _KNOWN.pop(path, None)
        await mirror.remove_worktree(path)


async def discard(run: RunContext) -> None:
    """Remove the worktrees of a run that is over, as a step; its commits stay."""
    snapshots.forget(run.run_id)
    services().scheduler.forget(run.run_id)

    async def work() -> None:
        await clear(run)
        if services().has_workers:
            await (await run.mirror()).let_go(namespace(run.number, run.attempt))
            await WorkerStore(services().store.engine).withdraw(run.run_id)

    await run.do("remove worktrees", work)
