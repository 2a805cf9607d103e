"""Asking a person, and holding the answer to exactly what was shown.

A request is bound to a digest of its terms: the issue's text, the base commit and the model.
It is good for one yes, expires, and is void when any of its terms has changed by the time the
work would start.
"""

import hashlib
import itertools
import json
from typing import Any

from dbos import DBOS

from bot.context import RunContext
from bot.durable import step
from bot.rendering import render
from bot.services import services
from bot.task import Basis, Task
from shared.domain import Role, Stage, Value
from shared.errors import RunStopped
from shared.store import Approval, ApprovalState

STAGES = {
    "planner": Stage.AWAITING_PLANNER,
    "plan": Stage.AWAITING_PLAN,
    "triage": Stage.NEEDS_HUMAN,
}


class Answer(Value):
    """A decision about a request, as it reaches the waiting run."""

    state: ApprovalState
    source: str
    login: str = ""
    reason: str = ""


_EXPIRY = Answer(state=ApprovalState.EXPIRED, source="expiry", reason="no answer in time")


async def read_basis(run: RunContext) -> Basis:
    """Read issue and default branch as they are now."""

    async def work() -> Basis:
        repo = await services().repo(run.ref)
        base = await repo.default_branch()
        issue = await repo.issue(run.number)
        return Basis(issue=issue, base_branch=base.name, base_sha=base.sha)

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
    }
    if kind == "planner":
        model = services().profile.model(Role.PLANNER)
        shown |= {"model": model.name, "node": model.node, "size_gb": model.size_gb}
    if task.blueprint is not None:
        shown |= {"blueprint": task.blueprint.model_dump(mode="json")}
    return shown


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

    Raises RunStopped when the answer is no or does not come in time.
    """
    for turn in itertools.count(1):
        approval = await _ask(run, f"{run.run_id}/{kind}/{turn}", terms(kind, task))
        answer = await _answer(run, approval)
        if answer.state is not ApprovalState.APPROVED:
            raise RunStopped(run.phrase("said_no", login=answer.login, reason=answer.reason))
        task = task.with_(basis=await read_basis(run))
        if not await _may_still_write(run, answer.login):
            await _void(run, approval, run.phrase("may_not_write", login=answer.login))
        elif digest(terms(kind, task)) != approval.digest:
            await _void(run, approval, run.phrase("basis_changed"))
        else:
            return task
    raise AssertionError  # itertools.count does not end


class _Asked(Value):
    """The part of a request that the workflow needs to remember."""

    id: str
    digest: str


async def _ask(run: RunContext, approval_id: str, shown: dict[str, Any]) -> _Asked:
    async def work() -> _Asked:
        approval = await services().store.add_approval(
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
        repo = await services().repo(run.ref)
        await repo.post_once(run.number, f"approval {approval_id}", text)
        return _Asked(id=approval.id, digest=approval.digest)

    asked = await step(f"ask for {shown['kind']}", _Asked, work)
    await run.enter(STAGES[shown["kind"]])
    return asked


async def _answer(run: RunContext, approval: _Asked) -> Answer:
    hours = run.budgets.approval_hours
    message = await DBOS.recv_async(approval.id, timeout_seconds=hours * 3600)
    if message is not None:
        return Answer.model_validate(message)
    expired = await step("expire request", bool, lambda: _decide(approval.id, _EXPIRY))
    if expired:
        raise RunStopped(run.phrase("no_answer", hours=hours))
    # Somebody answered in the very moment; his message is on its way.
    late = await DBOS.recv_async(approval.id, timeout_seconds=3600)
    return Answer.model_validate(late)


async def _may_still_write(run: RunContext, login: str) -> bool:
    async def work() -> bool:
        repo = await services().repo(run.ref)
        return (await repo.permission(login)).may_write

    return await step("check permission again", bool, work)


async def _void(run: RunContext, approval: _Asked, reason: str) -> None:
    await run.do("void request", lambda: services().store.void_approval(approval.id, reason))
    await run.say(f"void {approval.id}", "void", reason=reason)


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
        by=decision.login,
        reason=decision.reason,
    )
