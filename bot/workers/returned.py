"""What a worker hands back is looked at by the gateway before anything of it leaves.

The gateway holds the keys, so it goes by what it finds in its own mirror and not by what a worker
says: the same rules as while building, on the commits as they are. The tests follow afterwards.
"""

import itertools

from bot.checkout import Checkout
from bot.context import RunContext
from bot.durable import step
from bot.services import services
from bot.task import Task
from shared.domain import Value
from shared.errors import RunStopped
from shared.git.lineage import Lineage
from shared.workspace import coder_writes, fixed_files, tester_writes, violations
from shared.workspace.integrity import tampered_by_tester

_HEAVIEST = 20_000_000
"""Bytes of all that a run may add to a repository's history."""


class Faults(Value):
    """What is wrong with a worker's commits, in sentences."""

    sentences: tuple[str, ...]


async def require_sound_change(run: RunContext, ordered: Task, task: Task) -> None:
    """Check the commits of all parts, also of one whose building waits for help.

    ``ordered`` is the task as it was handed out. Raises RunStopped that names what is wrong.
    """
    given = (ordered.basis, ordered.agreed, ordered.finished)
    if (task.basis, task.agreed, task.finished[: len(ordered.finished)]) != given:
        _require_none(run, ("The task is not the one that was handed out.",))
    base, protected = task.basis.base_sha, tuple[str, ...]()
    reds = [change.red for change in task.finished] + ([task.red] if task.red else [])
    shas = [change.sha for change in task.changes]
    steps = itertools.zip_longest([red.sha for red in reds], shas)
    lineage = [sha for pair in steps for sha in pair if sha is not None]
    await _require_lineage(run, base, *lineage)
    for number, red in enumerate(reds):
        checkout = Checkout(run, "returned", red.sha, base=task.basis.base_sha)
        tests = await checkout.changed_files(base)
        protected += fixed_files(tests)
        faults = violations(tests, tester_writes)
        faults += await checkout.tampering(base, tampered_by_tester)
        if number < len(shas):
            base = shas[number]
            checkout.back_to(base)
            changed = await checkout.changed_files(red.sha)
            faults += violations(changed, coder_writes(protected))
            faults += await checkout.tampering(red.sha)
        _require_none(run, faults)


async def require_sound_answer(run: RunContext, head: str, sha: str, base: str) -> None:
    """Check the commits that answer a review.

    Raises RunStopped that names what is wrong.
    """
    await _require_lineage(run, head, sha)
    checkout = Checkout(run, "returned", sha, base=base)
    faults = violations(await checkout.changed_files(head), coder_writes(()))
    _require_none(run, faults + await checkout.tampering(head))


async def _require_lineage(run: RunContext, *shas: str) -> None:
    """Check that each commit follows the one before, and that they weigh what code weighs."""

    async def work() -> Faults:
        lineage = Lineage(services().places.mirror(run.ref))
        pairs = itertools.pairwise(shas)
        told = [
            f"{sha} does not follow {before}."
            for before, sha in pairs
            if not await lineage.follows(before, sha)
        ]
        if not told and await lineage.weight(shas[0], shas[-1]) > _HEAVIEST:
            told.append(f"The commits add more than {_HEAVIEST // 1_000_000} MB.")
        if not told and (extra := await lineage.submodules(shas[-1])):
            known = await lineage.submodules(shas[0])
            told += [f"{path} is a new submodule." for path in extra if path not in known]
        return Faults(sentences=tuple(told))

    _require_none(run, (await step("look at the commits", Faults, work)).sentences)


def _require_none(run: RunContext, faults: tuple[str, ...]) -> None:
    if faults:
        raise RunStopped(run.phrase("returned_unsound"), "\n".join(faults))
