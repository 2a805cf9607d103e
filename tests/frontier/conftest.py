from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from bot.serving import serve
from shared.frontier import Frontier, FrontierRequest, open_frontier
from shared.profiles import FrontierPolicy
from shared.settings import Settings
from shared.store import Run, Store
from tests.frontier.provider import Provider
from tests.frontier.wire import WIRES, Wire

KEY = "key-0123456789abcdef"
RUN = "o/r#7.1"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def server() -> AsyncIterator[Provider]:
    """Start a server on 127.0.0.1 in the place of a provider."""
    app = Provider()
    async with serve(app) as url:
        app.url = url
        yield app


@pytest.fixture
def provider(server: Provider) -> Provider:
    """Give the server with nothing asked and nothing to answer."""
    server.asked.clear()
    server.answers.clear()
    return server


@pytest.fixture(params=WIRES, ids=[wire.provider.value for wire in WIRES])
def wire(request: pytest.FixtureRequest) -> Wire:
    """Give each provider's form in turn."""
    given: Wire = request.param
    return given


@pytest_asyncio.fixture(loop_scope="module")
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    """Give a database that holds one run."""
    opened = Store.open(tmp_path / "baton.db")
    await opened.add_run(Run(origin="d", repo="o/r", number=7, requester="alice", title="T"))
    yield opened
    await opened.close()


def policy(wire: Wire, provider: Provider, **facts: float) -> FrontierPolicy:
    """Return a profile's table that points at the server."""
    return FrontierPolicy.model_validate(
        {"provider": wire.provider, "model": wire.model, "url": provider.url, **facts}
    )


def settings() -> Settings:
    """Return settings with a key for each provider."""
    return Settings.model_validate(
        {"gemini_api_key": KEY, "openai_api_key": KEY, "anthropic_api_key": KEY}
    )


def question(wire: Wire, text: str = "Why does the lock fail? Answer as JSON.") -> FrontierRequest:
    """Return a request as it would be approved."""
    return FrontierRequest(
        provider=wire.provider,
        model=wire.model,
        system="You advise.",
        text=text,
        max_output_tokens=2000,
    )


class Waits(list[float]):
    """A sleep that passes at once and remembers how long it was to be."""

    async def __call__(self, seconds: float) -> None:
        """Note a wait."""
        self.append(seconds)


async def opened(wire: Wire, provider: Provider, waits: Waits | None = None) -> Frontier:
    """Return the provider's client, pointed at the server."""
    sleep = Waits() if waits is None else waits
    return await open_frontier(policy(wire, provider), settings(), sleep=sleep)
