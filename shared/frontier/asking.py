"""One yes, one call: the approved bytes are sent at most once, whatever is killed in between."""

import asyncio

from shared.domain import Value
from shared.errors import (
    FrontierBlocked,
    FrontierEmpty,
    FrontierError,
    FrontierRefused,
    FrontierUnavailable,
    FrontierUnknown,
)
from shared.frontier.ledger import CallState, Ledger
from shared.frontier.pricing import estimate, price
from shared.frontier.values import Frontier, FrontierReply, FrontierRequest, FrontierUsage
from shared.profiles import FrontierPolicy
from shared.store.frontier_tables import FrontierCall

_ENDS: dict[type[BaseException], CallState] = {
    FrontierRefused: CallState.REFUSED,
    FrontierUnavailable: CallState.REFUSED,
    FrontierBlocked: CallState.BLOCKED,
    FrontierEmpty: CallState.EMPTY,
}


class Yes(Value):
    """An approval of one request: its id, the run it belongs to, and the digest of the bytes."""

    id: str
    run_id: str
    digest: str


async def consult(
    frontier: Frontier,
    ledger: Ledger,
    policy: FrontierPolicy,
    yes: Yes,
    request: FrontierRequest,
) -> FrontierReply:
    """Send what was approved, or return the answer that this yes has brought already.

    Raises OverBudget, FrontierError when the yes is for other bytes or is used up, and whatever
    ``frontier.ask`` raises. After FrontierRefused and FrontierUnavailable the yes is still good.
    """
    if request.digest != yes.digest:
        raise FrontierError(
            "What would be sent is not what was approved, so nothing was sent. Ask for a new yes."
        )
    call = FrontierCall(
        id=yes.id,
        run_id=yes.run_id,
        digest=request.digest,
        provider=request.provider,
        model=request.model,
        state=CallState.SENT,
        ceiling_usd=estimate(policy, request, ledger.moment).most_usd,
        started_at=ledger.moment,
    )
    earlier = await ledger.begin(call, policy)
    if earlier is not None:
        return _recorded(earlier, yes)
    return await _ask(frontier, ledger, policy, yes, request)


async def _ask(
    frontier: Frontier,
    ledger: Ledger,
    policy: FrontierPolicy,
    yes: Yes,
    request: FrontierRequest,
) -> FrontierReply:
    try:
        reply = await frontier.ask(request)
    except BaseException as error:
        # Also when the run is cancelled meanwhile: the request may be at work over there.
        await asyncio.shield(_note_failure(ledger, policy, yes, error))
        raise
    await asyncio.shield(
        ledger.end(
            yes.id,
            CallState.ANSWERED,
            price_usd=_cost(ledger, policy, reply.usage),
            usage=reply.usage,
            answer=reply.text,
            is_cut=reply.cut,
            seconds=reply.seconds,
        )
    )
    return reply


async def _note_failure(
    ledger: Ledger, policy: FrontierPolicy, yes: Yes, error: BaseException
) -> None:
    state = _ENDS.get(type(error), CallState.UNKNOWN)
    usage = error.usage if isinstance(error, FrontierBlocked | FrontierEmpty) else None
    cost = 0.0 if state is CallState.REFUSED else _cost(ledger, policy, usage)
    note = str(error) or type(error).__name__
    await ledger.end(yes.id, state, price_usd=cost, usage=usage, note=note)


def _cost(ledger: Ledger, policy: FrontierPolicy, usage: FrontierUsage | None) -> float | None:
    return price(policy, usage, ledger.moment) if usage else None


def _recorded(call: FrontierCall, yes: Yes) -> FrontierReply:
    if call.digest != yes.digest or call.state == CallState.REFUSED:
        raise FrontierError(f"The yes {yes.id} was for another request. Ask for a new one.")
    if call.state == CallState.ANSWERED:
        usage = FrontierUsage(
            input_tokens=call.input_tokens,
            output_tokens=call.output_tokens,
            cached_tokens=call.cached_tokens,
            thinking_tokens=call.thinking_tokens,
        )
        return FrontierReply(
            text=call.answer,
            usage=usage,
            model=call.model,
            cut=call.is_cut,
            seconds=call.seconds,
        )
    if call.state == CallState.BLOCKED:
        raise FrontierBlocked(call.note)
    if call.state == CallState.EMPTY:
        raise FrontierEmpty(call.note)
    raise FrontierUnknown(
        "Baton was stopped while the question was under way; it may have been answered and "
        "billed. To ask again takes a new yes."
    )
