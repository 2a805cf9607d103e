"""Asking a person, and holding the answer to exactly what was shown.

A request is bound to a digest of its terms: the issue's text, the base commit and the model.
It is good for one yes, expires, and is void when any of its terms has changed by the time the
work would start; when the issue is edited it is void at once.
"""

import asyncio
import hashlib
import json
from fnmatch import fnmatchcase
from typing import Any

from dbos import DBOS

from bot import status
from bot.context import RunContext
from bot.durable import step
from bot.guarding import signs_in
from bot.rendering import phrase, render
from bot.rules import read_rules
from bot.services import services
from bot.task import Basis, Task, Way
from shared.domain import Difficulty, RepoRef, Role, Stage, Value
from shared.errors import RunStopped
from shared.profiles import Approvals, BaseMoved
from shared.store import Approval, ApprovalState

STAGES = {
    "planner": Stage.AWAITING_PLANNER,
    "plan": Stage.AWAITING_PLAN,
    "triage": Stage.NEEDS_HUMAN,
    "frontier": Stage.AWAITING_FRONTIER,
    "packages": Stage.AWAITING_PACKAGES,
    "paths": Stage.AWAITING_PATHS,
}


class Answer(Value):
    """A decision about a request, as it reaches the waiting run.

    ``also`` is the second of two who said yes; ``way`` is set by who rather chose another way.
    """

    state: ApprovalState
    source: str
    login: str = ""
    also: str = ""
    reason: str = ""
    way: Way = Way.OPEN

    @property
    def goes_on(self) -> bool:
        """Tell whether the run has something to do by it."""
        return self.state is ApprovalState.APPROVED or self.way is not Way.OPEN

    @property
    def logins(self) -> tuple[str, ...]:
        """Name those whose word it is."""
        return tuple(login for login in (self.login, self.also) if login)


class Asked(Value):
    """The part of a request that a workflow remembers; the id is ``<run>/<kind>/<turn>``."""

    id: str
    digest: str

    @property
    def kind(self) -> str:
        """Name what is asked."""
        return self.id.rsplit("/", 2)[1]


_EXPIRY = Answer(state=ApprovalState.EXPIRED, source="expiry", reason="no answer in time")


async def read_basis(run: RunContext) -> Basis:
    """Read issue and default branch as they are now."""

    async def work() -> Basis:
        repo = await services().repo(run.ref)
        base, issue = await asyncio.gather(repo.default_branch(), repo.issue(run.number))
        asks = (await read_rules(run.ref, base.sha)).approvals
        return Basis(issue=issue, base_branch=base.name, base_sha=base.sha, asks=asks)

    return await step("read issue and base", Basis, work)


def terms(kind: str, task: Task) -> dict[str, Any]:
    """Lay down what a request shows, and so what a yes covers."""
    basis, triage = task.basis, task.assignment.triage
    shown: dict[str, Any] = {
        "kind": kind,
        "type": triage.type,
        "difficulty": triage.difficulty,
        "confidence": triage.confidence,
        "issue_digest": basis.issue.digest,
        "base_branch": basis.base_branch,
        "base_sha": basis.base_sha,
        "hours": services().profile.budgets.approval_hours,
        "approvers": approvers(kind, basis),
    }
    if kind == "triage":
        shown |= {"signs": list(signs_in(basis.issue))}
    if kind == "planner":
        model = services().profile.model(Role.PLANNER)
        shown |= {"model": model.name, "node": model.node, "size_gb": model.size_gb}
    if kind == "packages":
        return shown | {"packages": list(task.packages)}
    if kind == "paths":
        asked = {"paths": list(task.guarded), "packages": list(task.packages)}
        return shown | asked | {"head_sha": task.whole.sha}
    if task.blueprint is not None:
        shown |= {"blueprint": task.blueprint.model_dump(mode="json")}
    return shown


def asks(basis: Basis) -> Approvals:
    """Return what waits for a person: the repository may ask for more than the profile."""
    return basis.asks or services().profile.approvals


def approvers(kind: str, basis: Basis) -> int:
    """Return how many people have to say yes; that the router guessed right, one can tell."""
    return 1 if kind == "triage" else asks(basis).approvers


def plan_is_due(policy: Approvals, task: Task) -> bool:
    """Tell whether a blueprint has to be approved before it is built."""
    blueprint, triage = task.blueprint, task.assignment.triage
    assert blueprint is not None, "only a plan that is made can be approved"
    files = {*blueprint.files, *(file for part in blueprint.subtasks for file in part.files)}
    order = list(Difficulty)
    return (
        policy.plan
        or not set(policy.plan_labels).isdisjoint(task.basis.issue.labels)
        or any(fnmatchcase(file, pattern) for file in files for pattern in policy.plan_paths)
        or (
            policy.plan_difficulty is not None
            and order.index(triage.difficulty) >= order.index(policy.plan_difficulty)
        )
    )


async def outlook(kind: str) -> dict[str, Any]:
    """Tell what a yes would do as things are now; shown, but not part of what it covers."""
    if kind != "planner":
        return {}
    plan = await services().scheduler.foresee(services().profile.model(Role.PLANNER))
    return {
        "leaving": [model.name for model in plan.leaving],
        "switch_seconds": plan.unload_seconds + plan.load_seconds,
        "is_resident": plan.is_resident,
    }


def digest(shown: dict[str, Any]) -> str:
    """Identify the terms of a request. SHA-256 over canonical JSON, hexadecimal."""
    canonical = json.dumps(shown, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(canonical.encode()).hexdigest()


async def wait(run: RunContext, kind: str, task: Task) -> Task:
    """Ask, wait, and return the task on the basis that was approved; ask again if it has changed.

    Of an issue that was edited meanwhile nothing is known any more, unless its change is finished:
    the task is returned as it began, to be sorted anew. Raises RunStopped when the answer is no
    or does not come in time.
    """
    while True:
        asked = await _ask(run, terms(kind, task))
        answer = await await_answer(run, asked)
        if answer.state is ApprovalState.DENIED and not answer.goes_on:
            raise RunStopped(run.phrase("said_no", login=answer.login, reason=answer.reason))
        now = await read_basis(run)
        if not (reason := await _objection(run, asked, answer, kind, task, now)):
            return task.with_(basis=_kept(task.basis, now), way=answer.way or task.way)
        await void(run, asked, reason)
        if kind != "paths" and now.issue.digest != task.basis.issue.digest:
            kept = {"way": task.way, "question": task.question, "builds": task.builds}
            return Task(basis=now).with_(**kept)
        task = task.with_(basis=now)


async def _objection(
    run: RunContext, asked: Asked, answer: Answer, kind: str, task: Task, now: Basis
) -> str:
    """Say why a yes does not hold any more, or nothing."""
    if answer.state is ApprovalState.VOID:
        return answer.reason
    if login := await may_not_write(run, answer):
        return run.phrase("may_not_write", login=login)
    if now.issue.digest != task.basis.issue.digest:
        return run.phrase("issue_changed")
    kept = task.with_(basis=_kept(task.basis, now))
    if digest(terms(kind, kept)) == asked.digest:
        return ""
    return run.phrase("base_moved" if now.base_sha != task.basis.base_sha else "terms_changed")


def _kept(shown: Basis, now: Basis) -> Basis:
    """Return the issue as it is now, on the commit that counts by the profile."""
    if services().profile.approvals.base_moved is BaseMoved.VOID:
        return now
    return now.model_copy(update={"base_branch": shown.base_branch, "base_sha": shown.base_sha})


async def _ask(run: RunContext, shown: dict[str, Any]) -> Asked:
    async def work() -> Asked:
        store = services().store
        approval_id = await _free_id(run, shown)
        approval = await store.add_approval(
            Approval(
                id=approval_id,
                run_id=run.run_id,
                kind=shown["kind"],
                digest=digest(shown),
                shown=shown,
            )
        )
        text = render(
            "approval", run.language, id=approval_id, **shown, **await outlook(shown["kind"])
        )
        await status.come_first(run.run_id)
        repo = await services().repo(run.ref)
        comment = await repo.post_once(run.number, f"approval {approval_id}", text)
        await store.note_approval(approval_id, comment=comment.id)
        return Asked(id=approval.id, digest=approval.digest)

    asked = await step(f"ask for {shown['kind']}", Asked, work)
    await run.enter(STAGES[shown["kind"]])
    return asked


async def _free_id(run: RunContext, shown: dict[str, Any]) -> str:
    """Name the request after the others of its kind; one that was being asked keeps its name."""
    kind = shown["kind"]
    earlier = [row for row in await services().store.approvals(run.run_id) if row.kind == kind]
    last = earlier[-1] if earlier else None
    if last and last.state is ApprovalState.PENDING and last.digest == digest(shown):
        return last.id
    return f"{run.run_id}/{kind}/{len(earlier) + 1}"


async def await_answer(run: RunContext, asked: Asked) -> Answer:
    """Wait for the answer to a request, and remind of it once.

    Raises RunStopped when there is none in time.
    """
    hours, early = run.budgets.approval_hours, services().profile.approvals.reminder_hours
    message = None
    if 0 < early < hours:
        message = await DBOS.recv_async(asked.id, timeout_seconds=(hours - early) * 3600)
        if message is None:
            await run.say(f"reminder {asked.id}", "reminder", asked=asked.kind, hours=early)
            hours = early
    if message is None:
        message = await DBOS.recv_async(asked.id, timeout_seconds=hours * 3600)
    if message is None:
        expired = await step("expire request", bool, lambda: _decide(asked.id, _EXPIRY))
        if expired:
            raise RunStopped(run.phrase("no_answer", hours=run.budgets.approval_hours))
        # Somebody answered in the very moment; his message is on its way.
        message = await DBOS.recv_async(asked.id, timeout_seconds=3600)
    return Answer.model_validate(message)


async def may_not_write(run: RunContext, answer: Answer) -> str:
    """Name one of those who answered who may not write any more; nothing when all may."""

    async def work() -> str:
        repo = await services().repo(run.ref)
        for login in answer.logins:
            if not (await repo.permission(login)).may_write:
                return login
        return ""

    return await step("check permission again", str, work)


async def void(run: RunContext, asked: Asked, reason: str) -> None:
    """Take a request back whose terms no longer hold, and say why."""
    await run.do("void request", lambda: services().store.void_approval(asked.id, reason))
    await run.say(f"void {asked.id}", "void", reason=reason)


class _Stale(Value):
    """A request that shows what is no longer so."""

    run_id: str = ""
    approval_id: str = ""
    reason: str = ""
    source: str = ""


async def void_if_changed(ref: RepoRef, number: int) -> bool:
    """Void what a run asks about an issue, if the issue no longer reads as it was shown.

    The run tells why and asks anew. Returns whether there was such a request.
    """

    async def work() -> _Stale:
        store = services().store
        run = next(iter(await store.runs(str(ref), number)), None)
        pending = await store.pending_approval(run.id) if run is not None else None
        if run is None or pending is None:
            return _Stale()
        issue = await (await services().repo(ref)).issue(number)
        if pending.shown.get("issue_digest") == issue.digest:
            return _Stale()
        return _Stale(
            run_id=run.id,
            approval_id=pending.id,
            reason=phrase(run.language, "issue_changed"),
            source=f"edit {issue.digest}",
        )

    stale = await step("compare with what was shown", _Stale, work)
    if not stale.approval_id:
        return False
    edit = Answer(state=ApprovalState.VOID, source=stale.source, reason=stale.reason)
    return await answer(stale.run_id, stale.approval_id, edit)


async def answer(run_id: str, approval_id: str, decision: Answer) -> bool:
    """Hand a decision to the run that waits for it; tell whether it is the one that counts."""
    counts = await step("decide", bool, lambda: _decide(approval_id, decision))
    if counts:
        await DBOS.send_async(
            run_id,
            decision.model_dump(mode="json"),
            approval_id,
            idempotency_key=approval_id,
        )
    return counts


async def _decide(approval_id: str, decision: Answer) -> bool:
    return await services().store.decide(
        approval_id,
        decision.state,
        decision=decision.source,
        by=" + ".join(decision.logins),
        reason=decision.reason,
    )
