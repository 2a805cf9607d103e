"""A gateway that is killed while a cloud model answers: nobody pays twice without a yes."""

import asyncio
import signal
import sys
from pathlib import Path

import pytest

from shared.errors import FrontierUnknown
from shared.frontier import CallState, Ledger, Yes, consult
from shared.store import Store
from tests.frontier.conftest import KEY, RUN, opened, policy, question
from tests.frontier.provider import Provider, Slow
from tests.frontier.wire import GeminiWire

pytestmark = pytest.mark.asyncio(loop_scope="module")
GEMINI = GeminiWire()
_ASKING = """
import asyncio, sys
from pathlib import Path
from shared.frontier import Ledger, Yes, consult, open_frontier
from shared.frontier.values import FrontierRequest
from shared.profiles import FrontierPolicy
from shared.settings import load_settings
from shared.store import Store

async def ask(database, yes, request, policy):
    request = FrontierRequest.model_validate_json(request)
    policy = FrontierPolicy.model_validate_json(policy)
    store = Store.open(Path(database))
    cloud = await open_frontier(policy, load_settings())
    await consult(cloud, Ledger(store.engine), policy, Yes.model_validate_json(yes), request)

asyncio.run(ask(*sys.argv[1:]))
"""


async def test_a_kill_in_mid_call_leaves_unknown_and_takes_a_new_yes(
    tmp_path: Path, store: Store, provider: Provider
) -> None:
    """After kill -9 the same yes sends nothing, counts with its ceiling, and says so."""
    slow = Slow()
    provider.enqueue(slow, GEMINI.answer())
    request, rules = question(GEMINI), policy(GEMINI, provider)
    yes = Yes(id=f"{RUN}/frontier/1.1", run_id=RUN, digest=request.digest)
    told = (tmp_path / "baton.db", *(v.model_dump_json() for v in (yes, request, rules)))
    gateway = await asyncio.create_subprocess_exec(
        *(sys.executable, "-P", "-c", _ASKING, *map(str, told)),
        env={"BATON_GEMINI_API_KEY": KEY, "PYTHONPATH": str(Path.cwd())},
    )
    begun, ended = asyncio.create_task(slow.begun.wait()), asyncio.create_task(gateway.wait())
    await asyncio.wait({begun, ended}, return_when=asyncio.FIRST_COMPLETED)
    assert begun.done(), "the process ended before it asked"
    gateway.send_signal(signal.SIGKILL)
    assert await ended == -signal.SIGKILL
    ledger, cloud = Ledger(store.engine), await opened(GEMINI, provider)
    with pytest.raises(FrontierUnknown, match="To ask again takes a new yes"):
        await consult(cloud, ledger, rules, yes, request)
    (call,) = await ledger.calls(RUN)
    assert (call.state, call.price_usd) == (CallState.UNKNOWN, None)
    assert await ledger.left(RUN, rules) == pytest.approx(rules.run_budget_usd - call.ceiling_usd)
    assert len(provider.asked) == 1
    again = yes.model_copy(update={"id": f"{RUN}/frontier/1.2"})
    assert (await consult(cloud, ledger, rules, again, request)).text
    assert len(provider.asked) == 2
