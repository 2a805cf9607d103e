"""Answers to what a run asks: /approve, /deny and /route."""

from collections.abc import Mapping

from bot.approvals import Answer, answer
from bot.commanding.saying import Order, Refusal
from bot.durable import step
from bot.services import services
from bot.task import Way
from shared.domain import Role, Value
from shared.errors import GitHubUnavailable
from shared.store import ApprovalState

_AGENTS: Mapping[str, Way] = {
    **dict.fromkeys(("planner", Role.PLANNER.agent.lower()), Way.PLAN),
    **dict.fromkeys(("dev1", "coder", Role.CODER.agent.lower()), Way.BUILD),
}
_PEOPLE = {"human", "me", "human_lead"}
AGENTS = ("planner", "dev1", "human")
"""Whom an issue can be given to; the others work for these."""


class Pending(Value):
    """What a run waits for, if it waits."""

    id: str = ""
    kind: str = ""
    comment: int = 0
    approvers: int = 1


async def pending(order: Order) -> Pending:
    """Return what the run of an order asks at this moment, as soon as it is seen on the issue.

    Until then nobody knows which comments came before it.
    """
    if order.run is None or not order.run.is_active:
        return Pending()
    run_id = order.run.run_id

    async def work() -> Pending:
        row = await services().store.pending_approval(run_id)
        if row is None:
            return Pending()
        if row.comment is None:
            raise GitHubUnavailable(f"The request {row.id} is still on its way to the issue.")
        people = row.shown.get("approvers", 1)
        return Pending(id=row.id, kind=row.kind, comment=row.comment, approvers=people)

    return await step("find request", Pending, work)


async def approve(order: Order) -> Refusal:
    """Say yes to exactly what is shown; where two have to, the first yes is kept."""
    asked = await pending(order)
    if refusal := objection(order, asked):
        return refusal
    if order.word and order.word != asked.kind:
        return "wrong_kind", {"asked": order.word, "expected": asked.kind}
    if asked.approvers == 1:
        return await decide(order, asked, ApprovalState.APPROVED)
    return await _approve_together(order, asked)


async def deny(order: Order) -> Refusal:
    """Say no, with the reason as it was given."""
    asked = await pending(order)
    if refusal := objection(order, asked):
        return refusal
    return await decide(order, asked, ApprovalState.DENIED, reason=order.argument)


async def route(order: Order) -> Refusal:
    """Answer the router's doubt: say who takes the issue."""
    asked = await pending(order)
    if refusal := objection(order, asked):
        return refusal
    if asked.kind != "triage":
        return "not_in_doubt", {"expected": asked.kind}
    if order.word in _PEOPLE:
        return await decide(order, asked, ApprovalState.DENIED, reason=order.argument)
    if (way := _AGENTS.get(order.word)) is None:
        return "no_agent", {"asked": order.word, "agents": AGENTS}
    return await decide(order, asked, ApprovalState.APPROVED, reason=order.argument, way=way)


def objection(order: Order, asked: Pending) -> Refusal:
    """Refuse an answer where nothing is asked, or that was said before what it would answer."""
    if not asked.id:
        return "nothing_waits", {}
    if order.saying.comment < asked.comment:
        return "too_early", {"verb": order.command.verb, "id": asked.id}
    return None


async def decide(
    order: Order,
    asked: Pending,
    state: ApprovalState,
    *,
    reason: str = "",
    way: Way = Way.OPEN,
    first: str = "",
) -> Refusal:
    """Hand an answer to the waiting run; refuse when another one was first."""
    assert order.run is not None
    decision = Answer(
        state=state,
        source=f"comment {order.saying.comment}.{order.index}",
        login=first or order.login,
        also=order.login if first else "",
        reason=reason,
        way=way,
    )
    counts = await answer(order.run.run_id, asked.id, decision)
    return None if counts else ("nothing_waits", {})


async def _approve_together(order: Order, asked: Pending) -> Refusal:
    mine = f"{order.login} {order.saying.comment}.{order.index}"

    async def work() -> str:
        return await services().store.first_yes(asked.id, mine)

    first = await step("keep the first yes", str, work)
    login = first.partition(" ")[0]
    if first == mine:
        await order.reply("one_more", login=login)
        return None
    if login.lower() == order.login.lower():
        return "one_more", {"login": login}
    return await decide(order, asked, ApprovalState.APPROVED, first=login)
