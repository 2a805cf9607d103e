"""Files that a change may touch after a person's yes only, and changes that nobody may make."""

from collections.abc import Collection, Iterable

from bot import approvals, snapshots
from bot.context import RunContext
from bot.durable import step
from bot.rules import Rules, rules_of
from bot.services import services
from bot.task import Task
from shared.domain import Role, Stage, Value
from shared.errors import RunStopped
from shared.git.entries import changed_entries
from shared.github import Permission
from shared.guard.change import Concern, Reason, Verdict
from shared.guard.patch import PatchPolicy, judge
from shared.target import installable

_ASKED = frozenset(
    {
        *(Concern.PROTECTED, Concern.LOCK_FILE, Concern.ATTRIBUTES, Concern.DEPENDENCY),
        *(Concern.SECRET, Concern.HIDDEN_TEXT, Concern.LFS),
    }
)
"""What a person has to agree to before it leaves, and before it is installed."""


async def ask(run: RunContext, task: Task, rules: Rules) -> Task:
    """Return the task with what of its change a person agreed to.

    Packages that were let in while it was built are not asked for again. Raises RunStopped when
    the answer is no, or when no answer could make the change good.
    """
    verdict = await _judged(run, task.basis.base_sha, task.whole.sha, rules)
    if verdict.refusals:
        told = "\n".join(reason.sentence for reason in verdict.refusals)
        raise RunStopped(run.phrase("refused_change"), told)
    asked = [reason for reason in verdict.questions if reason.concern in _ASKED]
    if more := still_open(asked, task.agreed):
        packages = (one.detail for one in more if one.is_python_package)
        shown = task.with_(guarded=_sentences(more), packages=tuple(dict.fromkeys(packages)))
        await approvals.wait(run, "paths", shown)
    # On the commit that it was built on: whether that has moved is seen to later.
    return task.with_(guarded=_sentences(asked), packages=verdict.python_packages)


async def ask_for_packages(run: RunContext, task: Task) -> Task:
    """Return the task with the packages that its draft adds, once a person has let them in.

    Whoever built the draft has no say in which they are. An issue that is edited meanwhile is
    not sorted any more. Raises RunStopped when the answer is no.
    """
    basis = task.basis
    rules = await rules_of(run.ref, basis.base_sha)
    verdict = await _judged(run, basis.base_sha, task.draft, rules)
    added = installable(verdict.python_packages)
    packages = tuple(package for package in added if package not in task.agreed)
    if not packages:
        raise RunStopped(run.phrase("returned_unsound"), "No package is missing.")
    role = Role.TESTER if task.red is None else Role.CODER
    await snapshots.take(run, Stage.AWAITING_PACKAGES, role, task, task.draft)
    answered = await approvals.wait(run, "packages", task.with_(packages=packages))
    return answered if answered.triage is None else task.with_packages(packages)


def still_open(reasons: Iterable[Reason], agreed: Collection[str]) -> tuple[Reason, ...]:
    """Leave out what is about Python packages that were agreed to, in these very versions."""
    return tuple(one for one in reasons if not (one.is_python_package and one.detail in agreed))


def _sentences(reasons: Iterable[Reason]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(reason.sentence for reason in reasons))


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
