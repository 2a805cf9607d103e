"""Files that a change may touch after a person's yes only, and changes that nobody may make."""

from bot import approvals
from bot.context import RunContext
from bot.durable import step
from bot.rules import Rules, rules_of
from bot.services import services
from bot.task import Task
from shared.domain import Value
from shared.errors import RunStopped
from shared.git.entries import changed_entries
from shared.github import Permission
from shared.guard.change import Concern, Verdict
from shared.guard.dependencies import is_for_python
from shared.guard.patch import PatchPolicy, judge

_ASKED = frozenset(
    {
        *(Concern.PROTECTED, Concern.LOCK_FILE, Concern.ATTRIBUTES, Concern.DEPENDENCY),
        *(Concern.SECRET, Concern.HIDDEN_TEXT, Concern.LFS),
    }
)
"""What a person has to agree to before it leaves, and before it is installed."""


async def ask(run: RunContext, task: Task, rules: Rules) -> Task:
    """Return the task with what of its change a person agreed to.

    Raises RunStopped when the answer is no, or when no answer could make the change good.
    """
    verdict = await _judged(run, task.basis.base_sha, task.whole.sha, rules)
    if verdict.refusals:
        told = "\n".join(reason.sentence for reason in verdict.refusals)
        raise RunStopped(run.phrase("refused_change"), told)
    asked = (reason.sentence for reason in verdict.questions if reason.concern in _ASKED)
    packages = (
        reason.detail
        for reason in verdict.questions
        if reason.concern is Concern.DEPENDENCY and is_for_python(reason.path)
    )
    task = task.with_(guarded=tuple(dict.fromkeys(asked)), packages=tuple(dict.fromkeys(packages)))
    if not task.guarded:
        return task
    await approvals.wait(run, "paths", task)
    return task  # on the commit that it was built on: whether that has moved is seen to later


async def require_unprotected(run: RunContext, base: str, head: str, rules_at: str) -> None:
    """Check that an answer touches nothing that needs a person's yes.

    ``rules_at`` is a commit of the default branch. Raises RunStopped.
    """
    verdict = await _judged(run, base, head, await rules_of(run.ref, rules_at))
    told = [reason.sentence for reason in verdict.refusals]
    told += [reason.sentence for reason in verdict.questions if reason.concern in _ASKED]
    if told:
        raise RunStopped(run.phrase("protected_answer"), "\n".join(told))


async def _judged(run: RunContext, base: str, head: str, rules: Rules) -> Verdict:
    policy = PatchPolicy(protected=rules.config.protected_paths)

    async def work() -> Verdict:
        mirror = await services().mirror(run.ref)
        await mirror.obtain(head)
        return judge(await changed_entries(mirror.path, base, head), policy)

    return await step("look for protected files", Verdict, work)


class _Writer(Value):
    login: str
    role: Permission


async def require_writer(run: RunContext, login: str = "") -> None:
    """Check once more, before anything is pushed, that who asked for it may write there.

    Without a ``login`` that is who started the run. Raises RunStopped.
    """

    async def work() -> _Writer:
        stored = await services().store.run(run.run_id)
        assert stored is not None
        repo = await services().repo(run.ref)
        asker = login or stored.requester
        return _Writer(login=asker, role=await repo.permission(asker))

    asker = await step("check permission before pushing", _Writer, work)
    if not asker.role.may_write:
        raise RunStopped(run.phrase("requester_may_not_write", login=asker.login))
