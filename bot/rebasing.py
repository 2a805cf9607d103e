"""A base branch that moved meanwhile: Baton's commits are made anew on top, and proved anew."""

from bot.approvals import read_basis
from bot.checkout import Checkout
from bot.context import RunContext
from bot.durable import step
from bot.services import services
from bot.task import Basis, Change, Task
from shared.errors import RunStopped
from shared.git.replay import Replayed, replay
from shared.target import TestRun

MOST = 3
"""Times that one proposal follows its base; on a branch that moves faster a person decides."""
_MOST_NAMED = 20


async def moved(run: RunContext, basis: Basis) -> Basis | None:
    """Return the basis with the base branch's newest commit, if that is another than it was."""
    now = await read_basis(run)
    if now.base_branch != basis.base_branch or now.base_sha == basis.base_sha:
        return None
    return basis.model_copy(update={"base_sha": now.base_sha})


async def onto(run: RunContext, task: Task, basis: Basis, turn: int) -> Task:
    """Put the commits of a task onto a newer base, and see the new tests fail there.

    Raises RunStopped when they do not fit, or do not fail any more.
    """
    old, tip = task.basis.base_sha, task.whole.sha

    async def work() -> Replayed:
        mirror = await services().mirror(run.ref)
        await mirror.obtain(basis.base_sha)
        return await replay(mirror.path, old, tip, basis.base_sha)

    await run.note(run.phrase("base_follows", branch=basis.base_branch, sha=basis.base_sha[:7]))
    replayed = await step("put commits onto the new base", Replayed, work)
    if replayed.conflicts:
        named = "\n".join(replayed.conflicts[:_MOST_NAMED])
        raise RunStopped(run.phrase("base_conflicts", branch=basis.base_branch), named)
    changes = [_remade(change, replayed) for change in task.changes]
    base, packages = basis.base_sha, task.packages
    checkout = Checkout(run, f"rebased-{turn}", base, base=base, packages=packages)
    before = await checkout.test("test the new base commit")
    checkout.back_to(changes[-1].red.sha)
    red = await checkout.test("test the new tests on the new base")
    _require_red(run, changes[-1], red)
    changes[0] = _with_red(changes[0], base=before)
    changes[-1] = _with_red(changes[-1], run=red)
    *finished, change = changes
    return task.with_(basis=basis, finished=tuple(finished), change=change, red=change.red)


def _remade(change: Change, replayed: Replayed) -> Change:
    """Name the new commits in the place of the old ones."""
    made, red = replayed.commits, change.red
    renamed = {"sha": made[red.sha], "base_sha": made[red.base_sha]}
    return change.model_copy(
        update={"sha": made[change.sha], "red": red.model_copy(update=renamed)}
    )


def _with_red(change: Change, **runs: TestRun) -> Change:
    return change.model_copy(update={"red": change.red.model_copy(update=runs)})


def _require_red(run: RunContext, change: Change, now: TestRun) -> None:
    """Check that the new tests still fail without the change."""
    solved = sorted(set(change.red.new_tests) & now.passed)
    if solved:
        raise RunStopped(run.phrase("base_solves"), "\n".join(solved[:_MOST_NAMED]))
