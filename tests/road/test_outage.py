"""A node that is away: the wait is seen, ends by itself, or ends with what to type."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import pytest_asyncio

from bot.demo import story
from bot.services import services
from shared.domain import Role, Stage
from shared.profiles import Profile
from tests.road.test_people_kit import Household, open_household
from tests.road.world import REF, plan_for

pytestmark = pytest.mark.asyncio(loop_scope="module")


class Bridge:
    """The network between gateway and node: it can be cut, and mended at the same port."""

    def __init__(self) -> None:
        self.url = ""
        self._node: tuple[str, int] = ("", 0)
        self._server: asyncio.Server | None = None
        self._open: set[asyncio.StreamWriter] = set()
        self._port = 0

    def before(self, profile: Profile) -> Profile:
        """Let the gateway reach the node by this bridge only, and wait for it as told."""
        parts = urlsplit(profile.nodes[0].url)
        assert parts.hostname is not None
        assert parts.port is not None
        self._node = (parts.hostname, parts.port)
        budgets = profile.budgets.model_copy(update={"outage_seconds": 6})
        return profile.at(self.url).model_copy(update={"recorded": True, "budgets": budgets})

    async def mend(self) -> None:
        """Let everything pass."""
        self._server = await asyncio.start_server(self._carry, "127.0.0.1", self._port)
        self._port = self._server.sockets[0].getsockname()[1]
        self.url = f"http://127.0.0.1:{self._port}"

    async def cut(self) -> None:
        """Break off what is going on, and let nothing pass."""
        if self._server is not None:
            self._server.close()
            self._server = None
        for writer in list(self._open):
            writer.transport.abort()

    async def _carry(self, near: asyncio.StreamReader, back: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            far, onward = await asyncio.open_connection(*self._node)
            self._open |= {back, onward}
            try:
                await asyncio.gather(_pour(near, onward), _pour(far, back))
            finally:
                self._open -= {back, onward}


async def _pour(source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError):
        while data := await source.read(65_536):
            sink.write(data)
            await sink.drain()
    sink.close()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def bridge() -> AsyncIterator[Bridge]:
    """A bridge that stands."""
    made = Bridge()
    await made.mend()
    yield made
    await made.cut()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def house(
    tmp_path_factory: pytest.TempPathFactory, cache: Path, bridge: Bridge
) -> AsyncIterator[Household]:
    """One household whose node lies behind the bridge."""
    plan = plan_for(tmp_path_factory.mktemp("outage"), cache)
    async with open_household(plan, bridge.before) as opened:
        yield opened
        await opened.rest()


async def at_work(house: Household) -> int:
    """Open the demo's issue and say yes to the planner."""
    text = story.issue_text()
    return await house.waiting(text.title, text.body)


async def test_a_short_outage_is_seen_and_passes(house: Household, bridge: Bridge) -> None:
    """While the node is away the status says for whom it waits; then the run goes on."""
    number = await at_work(house)
    await bridge.cut()
    await house.tell(house.alice, number, "/approve planner")
    await house.said(number, "waits for recording")
    await bridge.mend()
    await house.at(number, Stage.TESTING)
    await house.tell(house.alice, number, "/cancel")
    await house.rest()


async def test_a_long_outage_stops_the_run_and_retry_goes_on(
    house: Household, bridge: Bridge
) -> None:
    """After the bound the run stops with what to type; /retry starts from the last snapshot.

    The plan that was made and approved is not made again.
    """
    number = await at_work(house)
    await house.tell(house.alice, number, "/approve planner")
    await house.at(number, Stage.TESTING)
    await bridge.cut()
    run = await house.ended(number)
    assert "recording did not answer" in run.reason
    told = await house.said(number, "**Stopped.**")
    assert "`/retry` goes on from the last snapshot" in told["body"]
    await bridge.mend()
    asked = await house.asked(number, Role.PLANNER)
    await house.tell(house.alice, number, "/retry")
    run = await house.until(number, lambda run: run.stage is Stage.PROPOSED)
    assert await house.asked(number, Role.PLANNER) == asked
    newest = (await services().store.runs(str(REF), number))[0]
    assert newest.resumed_from is not None
