import asyncio
from datetime import UTC, datetime

import pytest
import pytest_asyncio
from starlette.responses import JSONResponse

from shared.errors import (
    FrontierBlocked,
    FrontierError,
    FrontierRefused,
    FrontierUnknown,
    OverBudget,
)
from shared.frontier import CallState, Frontier, Ledger, Yes, consult
from shared.frontier.values import FrontierReply, FrontierRequest
from shared.profiles import FrontierPolicy
from shared.store import Run, Store
from shared.store.frontier_tables import FrontierCall
from tests.frontier.conftest import RUN, opened, policy, question
from tests.frontier.provider import Cut, Provider, Slow
from tests.frontier.wire import ADVICE, GeminiWire, Tokens

pytestmark = pytest.mark.asyncio(loop_scope="module")
GEMINI = GeminiWire()
DAY = datetime(2026, 11, 21, 12, tzinfo=UTC)


class Desk:
    """One run's way to a provider: what each test asks through."""

    def __init__(self, provider: Provider, store: Store, frontier: Frontier) -> None:
        self.policy: FrontierPolicy = policy(GEMINI, provider)
        self.now = DAY
        self.ledger = Ledger(store.engine, clock=lambda: self.now)
        self.frontier = frontier

    async def ask(
        self, number: int = 1, request: FrontierRequest | None = None, run_id: str = RUN
    ) -> FrontierReply:
        """Ask under a yes of its own."""
        asked = request or question(GEMINI)
        yes = Yes(id=f"{run_id}/frontier/{number}", run_id=run_id, digest=asked.digest)
        return await consult(self.frontier, self.ledger, self.policy, yes, asked)

    async def call(self, number: int = 1) -> FrontierCall:
        """Return what the ledger holds of a yes."""
        calls = await self.ledger.calls(RUN)
        return next(call for call in calls if call.id.endswith(f"/{number}"))


@pytest_asyncio.fixture(loop_scope="module")
async def desk(provider: Provider, store: Store) -> Desk:
    """Give a run that may ask Gemini."""
    return Desk(provider, store, await opened(GEMINI, provider))


async def test_an_answer_is_entered_with_tokens_and_price(desk: Desk, provider: Provider) -> None:
    """The ledger tells run, digest, model, tokens, price and time of a call."""
    provider.enqueue(GEMINI.answer(tokens=Tokens(read=1200, cached=200, written=900, thinking=700)))
    reply = await desk.ask()
    call = await desk.call()
    assert reply.text == call.answer == ADVICE
    assert (call.state, call.digest) == (CallState.ANSWERED, question(GEMINI).digest)
    assert (call.input_tokens, call.cached_tokens) == (1200, 200)
    assert (call.output_tokens, call.thinking_tokens) == (900, 700)
    assert call.price_usd == pytest.approx((1000 * 0.5 + 200 * 0.05 + 900 * 3) / 1e6)
    assert call.price_usd is not None
    assert call.price_usd < call.ceiling_usd
    assert (call.started_at, call.ended_at) == (DAY, DAY)


async def test_a_call_stands_in_the_ledger_before_it_is_sent(
    desk: Desk, provider: Provider
) -> None:
    """When the provider sees the request, the row is on disk as sent."""
    slow = Slow()
    provider.enqueue(slow)
    asking = asyncio.create_task(desk.ask())
    begun = asyncio.create_task(slow.begun.wait())
    await asyncio.wait({asking, begun}, return_when=asyncio.FIRST_COMPLETED)
    assert not asking.done()
    assert (await desk.call()).state == CallState.SENT
    asking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asking
    assert (await desk.call()).state == CallState.UNKNOWN
    assert (await desk.call()).price_usd is None


async def test_a_recorded_answer_is_not_paid_for_again(desk: Desk, provider: Provider) -> None:
    """A run that is killed after the answer gets it from the ledger."""
    provider.enqueue(GEMINI.answer())
    first = await desk.ask()
    again = await desk.ask()
    assert (again.text, again.usage, again.cut) == (first.text, first.usage, first.cut)
    assert len(provider.asked) == 1


async def test_a_price_that_is_not_told_counts_as_the_ceiling(
    desk: Desk, provider: Provider
) -> None:
    """An answer without usage is an answer, and is not taken to be free."""
    untold = GEMINI.answer()
    del untold["usageMetadata"]
    provider.enqueue(untold)
    assert (await desk.ask()).usage is None
    call = await desk.call()
    assert (call.state, call.price_usd) == (CallState.ANSWERED, None)
    assert (await desk.ledger.share()).spent_usd == pytest.approx(call.ceiling_usd)


async def test_a_call_left_behind_takes_a_new_yes(desk: Desk, provider: Provider) -> None:
    """After a kill in the middle nothing is sent; with another yes it is."""
    call = FrontierCall(
        id=f"{RUN}/frontier/1",
        run_id=RUN,
        digest=question(GEMINI).digest,
        provider="gemini",
        model=GEMINI.model,
        state=CallState.SENT,
        ceiling_usd=0.01,
        started_at=DAY,
    )
    assert await desk.ledger.begin(call, desk.policy) is None
    for _ in range(2):
        with pytest.raises(FrontierUnknown, match="a new yes"):
            await desk.ask()
    assert (await desk.call()).state == CallState.UNKNOWN
    assert provider.asked == []
    provider.enqueue(GEMINI.answer())
    assert (await desk.ask(2)).text == ADVICE


async def test_a_cut_answer_counts_as_its_ceiling(desk: Desk, provider: Provider) -> None:
    """What may have been billed is spent as far as the budget goes, and is never sent twice."""
    provider.enqueue(Cut())
    for _ in range(2):
        with pytest.raises(FrontierUnknown):
            await desk.ask()
    call = await desk.call()
    assert (call.state, call.price_usd) == (CallState.UNKNOWN, None)
    left = await desk.ledger.left(RUN, desk.policy)
    assert left == pytest.approx(desk.policy.run_budget_usd - call.ceiling_usd)
    assert len(provider.asked) == 1


async def test_a_refusal_costs_nothing_and_leaves_the_yes(desk: Desk, provider: Provider) -> None:
    """With the key mended, the same yes still sends the same bytes, once."""
    provider.enqueue(JSONResponse(GEMINI.error(403, "no"), 403), GEMINI.answer())
    with pytest.raises(FrontierRefused):
        await desk.ask()
    call = await desk.call()
    assert (call.state, call.price_usd) == (CallState.REFUSED, 0.0)
    assert "BATON_GEMINI_API_KEY" in call.note
    assert (await desk.ledger.share()).asked == 0
    assert (await desk.ask()).text == ADVICE
    assert (await desk.call()).state == CallState.ANSWERED


async def test_a_block_is_entered_with_its_cost(desk: Desk, provider: Provider) -> None:
    """A filtered request is billed for what was read, and stays blocked under this yes."""
    blocked = {"promptFeedback": {"blockReason": "SAFETY"}}
    provider.enqueue(blocked | GEMINI.usage(Tokens(read=1000, cached=0, written=0, thinking=0)))
    for _ in range(2):
        with pytest.raises(FrontierBlocked, match="SAFETY"):
            await desk.ask()
    call = await desk.call()
    assert call.state == CallState.BLOCKED
    assert call.price_usd == pytest.approx(0.0005)
    assert len(provider.asked) == 1


async def test_other_bytes_need_another_yes(desk: Desk, provider: Provider) -> None:
    """A yes sends what was shown or nothing, before the call and after it."""
    shown, other = question(GEMINI), question(GEMINI, "Something else. JSON")
    yes = Yes(id="y", run_id=RUN, digest=shown.digest)
    with pytest.raises(FrontierError, match="not what was approved"):
        await consult(desk.frontier, desk.ledger, desk.policy, yes, other)
    assert await desk.ledger.calls(RUN) == ()
    provider.enqueue(GEMINI.answer())
    await desk.ask()
    with pytest.raises(FrontierError, match="for another request"):
        await desk.ask(1, other)
    assert len(provider.asked) == 1


@pytest.mark.parametrize(
    ("limits", "told"),
    [
        ({"run_budget_usd": 0.01}, r"\$0\.003 of the run budget of \$0\.01 are spent"),
        ({"monthly_budget_usd": 0.01}, "monthly_budget_usd"),
    ],
)
async def test_budgets_hold_before_anything_is_sent(
    desk: Desk, provider: Provider, limits: dict[str, float], told: str
) -> None:
    """A call whose ceiling does not fit into what is left is not sent and leaves no row."""
    desk.policy = desk.policy.model_copy(update=limits)
    provider.enqueue(GEMINI.answer())
    await desk.ask()
    with pytest.raises(OverBudget, match=told):
        await desk.ask(2, question(GEMINI, "x" * 20_000))
    assert len(provider.asked) == len(await desk.ledger.calls(RUN)) == 1


async def test_a_new_month_has_its_own_budget(desk: Desk, provider: Provider) -> None:
    """What was spent in November is no matter in December; the run's own budget stays."""
    desk.policy = desk.policy.model_copy(update={"monthly_budget_usd": 0.008})
    provider.enqueue(GEMINI.answer(), GEMINI.answer())
    await desk.ask()
    with pytest.raises(OverBudget):
        await desk.ask(2)
    desk.now = datetime(2026, 12, 1, tzinfo=UTC)
    assert (await desk.ask(2)).text == ADVICE


async def test_two_runs_at_once_do_not_break_the_months_budget(
    desk: Desk, provider: Provider, store: Store
) -> None:
    """Of two calls that fit one by one but not together, one is sent."""
    other = await store.add_run(Run(origin="e", repo="o/r", number=8, requester="alice", title="U"))
    desk.policy = desk.policy.model_copy(update={"monthly_budget_usd": 0.01})
    provider.enqueue(GEMINI.answer())
    both = await asyncio.gather(desk.ask(), desk.ask(run_id=other.id), return_exceptions=True)
    assert sorted(type(one).__name__ for one in both) == ["FrontierReply", "OverBudget"]
    assert len(provider.asked) == 1


async def test_the_share_of_runs_that_ask_is_counted(
    desk: Desk, provider: Provider, store: Store
) -> None:
    """Runs, those that asked, those that were helped, and what it all cost."""
    for number in range(8, 12):
        await store.add_run(
            Run(origin=f"d{number}", repo="o/r", number=number, requester="a", title="T")
        )
    provider.enqueue(GEMINI.answer(), GEMINI.answer())
    await desk.ask()
    await desk.ledger.note_help(RUN, helped=False)
    desk.now = desk.now.replace(hour=13)
    await desk.ask(2)
    await desk.ledger.note_help(RUN, helped=True)
    await desk.ledger.note_help(RUN, helped=False)
    share = await desk.ledger.share()
    assert (share.runs, share.asked, share.helped, share.part) == (5, 1, 1, 0.2)
    calls = await desk.ledger.calls(RUN)
    assert [call.helped for call in calls] == [False, True]
    assert share.spent_usd == pytest.approx(sum(call.price_usd or 0 for call in calls))


async def test_no_runs_no_share(tmp_path_factory: pytest.TempPathFactory) -> None:
    """An empty database has a share of nothing, not a division by nothing."""
    empty = Store.open(tmp_path_factory.mktemp("empty") / "baton.db")
    share = await Ledger(empty.engine).share()
    await empty.close()
    assert (share.runs, share.part, share.spent_usd) == (0, 0.0, 0.0)
