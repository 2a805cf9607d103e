"""Asking a cloud model for advice: compose, redact, show, wait for a yes, send once, read.

What a person sees is what is sent: the approval is bound to the digest of the bytes, the price
ceiling, the issue and the commit. No advice is no failure; the run then goes on without it.
"""

import itertools
import logging
from types import NoneType
from typing import Any

from dbos import DBOS

from agents import frontier
from agents.frontier import Advice, Reason, Sos
from bot import approvals
from bot.approvals import Answer, read_basis
from bot.context import RunContext
from bot.durable import step
from bot.papers import write_paper
from bot.rendering import render
from bot.services import services
from bot.task import Basis
from shared.domain import Stage, Value
from shared.errors import (
    BatonError,
    ConfigurationError,
    FrontierError,
    FrontierUnknown,
    MalformedReply,
    OverBudget,
)
from shared.frontier import (
    Estimate,
    FrontierReply,
    FrontierRequest,
    Ledger,
    Yes,
    consult,
    estimate,
    has_key,
    open_frontier,
    prepare,
)
from shared.frontier.ledger import Share
from shared.guard.egress import Channel, Decision, release
from shared.store import Approval, ApprovalState

log = logging.getLogger(__name__)

_LONGEST_PART = 50_000
"""Characters of the question in one comment, which may have 65,536 with all that is around it."""


class Offer(Value):
    """A question as it is put to a person: the bytes, and what they may cost."""

    request: FrontierRequest
    estimate: Estimate


async def seek_advice(run: RunContext, basis: Basis, sos: Sos, number: int) -> Advice | None:
    """Offer to ask the cloud model, and return its advice if there is any.

    ``number`` counts the questions of the run from 1; each takes a yes of its own. None when
    there is no key, no money left, a no, or no usable answer, which is told on the issue. Raises
    RunStopped when nobody answers in time.
    """
    if not has_key(services().profile.frontier, services().settings):
        await _tell_of_key(run, f"{run.run_id}/frontier/{number}", sos.reason)
        return None
    for turn in itertools.count(1):
        key = f"{run.run_id}/frontier/{number}.{turn}"
        try:
            offer = await _offer(run, sos)
            asked = await _ask(run, key, sos, basis, offer)
            answer = await approvals.await_answer(run, asked)
            if answer.state not in {ApprovalState.APPROVED, ApprovalState.VOID}:
                return None
            basis, changed = await _look_again(run, basis, answer)
            if changed:
                await approvals.void(run, asked, changed)
                sos = sos.model_copy(update={"issue": basis.issue})
                continue
            reply = await _consult(run, key, offer.request)
            return await _read(run, key, reply)
        except FrontierUnknown as error:  # whether to pay once more is for a person to say
            await _tell(run, key, error)
        except (FrontierError, ConfigurationError, MalformedReply) as error:
            await _tell(run, key, error)
            return None
    raise AssertionError  # itertools.count does not end


async def note_help(run: RunContext, *, helped: bool) -> None:
    """Keep whether the attempt after an advice passed."""
    await run.do("note help", lambda: _ledger().note_help(run.run_id, helped=helped))


async def share() -> Share:
    """Count how many of all runs asked a cloud model."""
    return await _ledger().share()


def _ledger() -> Ledger:
    return Ledger(services().store.engine)


async def _offer(run: RunContext, sos: Sos) -> Offer:
    """Make the request; refuse what could cost more than is left, before anybody is bothered."""

    async def work() -> Offer:
        policy, ledger = services().profile.frontier, _ledger()
        system, text = frontier.compose(sos, limit=policy.max_input_tokens)
        request = prepare(policy, system, text, _redact)
        told = estimate(policy, request, ledger.moment)
        left = await ledger.left(run.run_id, policy)
        if told.most_usd > left:
            raise OverBudget(
                f"Asking {policy.model} may cost ${told.most_usd:.3f}; ${left:.3f} are left in "
                "the budgets of [frontier] in the profile."
            )
        return Offer(request=request, estimate=told)

    return await step("prepare the question", Offer, work)


def _redact(text: str) -> tuple[str, list[str]]:
    released = release(text, Channel.CLOUD_PAYLOAD)
    if released.decision is Decision.BLOCK:
        raise FrontierError(
            "The question would hold one of Baton's own secrets, so it is not asked. "
            "Find out how the secret got into the repository, and change it."
        )
    return released.text, [finding.rule for finding in released.findings]


async def _ask(run: RunContext, key: str, sos: Sos, basis: Basis, offer: Offer) -> approvals.Asked:
    shown = _terms(sos, basis, offer)

    async def work() -> approvals.Asked:
        approval = await services().store.add_approval(
            Approval(
                id=key,
                run_id=run.run_id,
                kind="frontier",
                digest=approvals.digest(shown),
                shown=shown,
            )
        )
        await _show(run, key, shown, offer)
        return approvals.Asked(id=approval.id, digest=approval.digest)

    asked = await step("ask for frontier", approvals.Asked, work)
    await run.enter(Stage.AWAITING_FRONTIER)
    return asked


def _terms(sos: Sos, basis: Basis, offer: Offer) -> dict[str, Any]:
    """Lay down what is shown, and so what a yes covers."""
    request, told = offer.request, offer.estimate
    return {
        "kind": "frontier",
        "reason": sos.reason.value,
        "provider": request.provider.value,
        "model": request.model,
        "payload_digest": request.digest,
        "max_output_tokens": request.max_output_tokens,
        "redactions": [one.model_dump() for one in request.redactions],
        **told.model_dump(),
        "issue_digest": basis.issue.digest,
        "base_branch": basis.base_branch,
        "base_sha": basis.base_sha,
        "hours": services().profile.budgets.approval_hours,
        "approvers": approvals.approvers("frontier", basis),
    }


async def _show(run: RunContext, key: str, shown: dict[str, Any], offer: Offer) -> None:
    """Put the question on the issue, the whole text included."""
    text = f"{offer.request.system}\n\n{offer.request.text}"
    name = key.rpartition("/")[2]
    await write_paper(run, f"frontier-{name}.md", text)
    parts = [text[at : at + _LONGEST_PART] for at in range(0, len(text), _LONGEST_PART)]
    repo, store = await services().repo(run.ref), services().store
    if len(parts) > 1:
        for n, part in enumerate(parts, start=1):
            body = render("frontier_part", run.language, n=n, of=len(parts), text=part)
            await repo.post_once(run.number, f"approval {key} part {n}", body)
    body = render("frontier", run.language, id=key, **shown, parts=len(parts), text=parts[0])
    comment = await repo.post_once(run.number, f"approval {key}", body)
    await store.note_approval(key, comment=comment.id)


async def _look_again(run: RunContext, basis: Basis, answer: Answer) -> tuple[Basis, str]:
    """Read the basis anew; say why the yes no longer holds, or nothing."""
    now = await read_basis(run)
    if answer.state is ApprovalState.VOID:
        return now, answer.reason
    if login := await approvals.may_not_write(run, answer):
        return now, run.phrase("may_not_write", login=login)
    # The base branch may move on: the advice is for the commit that the run works from.
    if now.issue.digest != basis.issue.digest:
        return now, run.phrase("issue_changed")
    return basis, ""


async def _consult(run: RunContext, key: str, request: FrontierRequest) -> FrontierReply:
    yes = Yes(id=key, run_id=run.run_id, digest=request.digest)

    async def work() -> FrontierReply:
        policy, board = services().profile.frontier, services().progress
        cloud = await open_frontier(policy, services().settings)
        board.begin(run.run_id, "Frontier", request.model, "cloud")
        try:
            return await consult(cloud, _ledger(), policy, yes, request)
        finally:
            board.end(run.run_id)

    log.info("%s: asks %s (%s)", run.run_id, request.model, DBOS.workflow_id)
    return await step("ask frontier", FrontierReply, work, tries=1)


async def _read(run: RunContext, key: str, reply: FrontierReply) -> Advice:
    """Read the advice, keep it beside the blueprint, and post it."""
    advice = frontier.read_advice(reply.as_reply)

    async def work() -> None:
        call = next(c for c in await _ledger().calls(run.run_id) if c.id == key)
        body = render(
            "advice",
            run.language,
            model=reply.model,
            price_usd=call.price_usd,
            usage=reply.usage,
            **advice.model_dump(),
        )
        safe = release(body, Channel.COMMENT).text
        await write_paper(run, f"advice-{key.rpartition('/')[2]}.md", safe)
        repo = await services().repo(run.ref)
        await repo.post_once(run.number, f"advice {key}", safe)

    await step("post advice", NoneType, work)
    return advice


async def _tell_of_key(run: RunContext, key: str, reason: Reason) -> None:
    """Say what to set, when attempts have failed; before that a cloud model would be a luxury."""
    if reason is Reason.FAILED_ATTEMPTS:
        policy = services().profile.frontier
        setting = f"BATON_{policy.provider.upper()}_API_KEY"
        told = run.phrase("no_frontier_key", setting=setting, model=policy.model)
        await _tell(run, key, ConfigurationError(told))


async def _tell(run: RunContext, key: str, error: BatonError) -> None:
    """Say on the issue why there is no advice."""
    body = render("no_advice", run.language, reason=str(error))

    async def work() -> None:
        repo = await services().repo(run.ref)
        await repo.post_once(run.number, f"no advice {key}", body)

    await step("tell of no advice", NoneType, work)
