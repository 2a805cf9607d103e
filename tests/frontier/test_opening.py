import asyncio
import sys
from datetime import UTC, datetime

import pytest

from shared.errors import ConfigurationError
from shared.frontier import FrontierUsage, estimate, has_key, open_frontier, prepare, price
from shared.profiles import FrontierPolicy, FrontierProvider
from shared.settings import Settings
from tests.frontier.conftest import KEY, question, settings
from tests.frontier.wire import WIRES, GeminiWire, Wire

DAY = datetime(2026, 11, 21, tzinfo=UTC)
GEMINI = FrontierPolicy()


def of(provider: FrontierProvider, model: str) -> FrontierPolicy:
    """Return a policy for a model."""
    return FrontierPolicy(provider=provider, model=model)


async def test_no_key_no_call(wire: Wire) -> None:
    """Without a key the frontier cannot be opened; the message holds the line to type."""
    policy = of(wire.provider, wire.model)
    assert not has_key(policy, Settings())
    assert has_key(policy, settings())
    with pytest.raises(ConfigurationError, match=f"BATON_{wire.provider.upper()}_API_KEY=<your"):
        await open_frontier(policy, Settings())


@pytest.mark.parametrize("key", ["key with spaces 0123", "schlüssel"])
async def test_a_mangled_key_is_told_without_it(key: str) -> None:
    """A key with characters that no header takes is refused by the name of its setting."""
    mangled = Settings.model_validate({"gemini_api_key": key})
    with pytest.raises(ConfigurationError, match="BATON_GEMINI_API_KEY holds") as caught:
        await open_frontier(GEMINI, mangled)
    assert key not in str(caught.value)


@pytest.mark.parametrize("extra", ["openai", "anthropic"])
async def test_a_missing_client_is_told_with_the_line_to_type(extra: str) -> None:
    """Where the extra is not installed, the message says how to install it."""
    program = f"""
import asyncio, sys
sys.modules["{extra}"] = None  # as if it were not installed
from shared.errors import ConfigurationError
from shared.frontier import open_frontier
from shared.profiles import FrontierPolicy, FrontierProvider
from shared.settings import Settings
policy = FrontierPolicy(provider=FrontierProvider("{extra}"), model="m")
try:
    asyncio.run(open_frontier(policy, Settings.model_validate({{"{extra}_api_key": "k"}})))
except ConfigurationError as error:
    print(error)
"""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-P", "-c", program, stdout=asyncio.subprocess.PIPE
    )
    told, _ = await process.communicate()
    assert f"Type: pip install 'baton-bot[{extra}]'" in told.decode()


def test_a_key_is_not_shown() -> None:
    """Settings can be printed without giving a key away."""
    assert KEY not in repr(settings())


async def test_a_key_does_not_travel_in_the_clear() -> None:
    """An address that begins with http:// is refused unless it is this machine."""
    clear = FrontierPolicy(url="http://cloud.example/api")
    with pytest.raises(ConfigurationError, match=r"names cloud\.example: the key would travel"):
        await open_frontier(clear, settings())


def test_the_digest_is_of_all_that_is_sent() -> None:
    """Each part of what leaves changes the digest; what was taken out before does not."""
    request = question(GeminiWire())
    changes: list[dict[str, object]] = [
        {"provider": FrontierProvider.OPENAI},
        {"model": "other"},
        {"system": "Other."},
        {"text": "Other."},
        {"max_output_tokens": 1},
    ]
    digests = {request.model_copy(update=change).digest for change in changes}
    assert len(digests | {request.digest}) == 6
    assert request.payload == (
        b'{"max_output_tokens":2000,"model":"gemini-3-flash-preview","provider":"gemini",'
        b'"system":"You advise.","text":"Why does the lock fail? Answer as JSON."}'
    )


def test_redactions_are_made_before_anything_is_shown() -> None:
    """Both parts pass the redaction; the request holds the clean text and what was taken out."""

    def redact(text: str) -> tuple[str, list[str]]:
        return text.replace("hunter2", "***"), ["password"] * text.count("hunter2")

    request = prepare(GEMINI, "System hunter2.", "Text hunter2 hunter2.", redact)
    assert (request.system, request.text) == ("System ***.", "Text *** ***.")
    assert [(one.kind, one.count) for one in request.redactions] == [("password", 3)]
    assert b"hunter2" not in request.payload


def test_a_price_has_its_cached_and_thinking_tokens() -> None:
    """Gemini 3 Flash: $0.50 a million read, a tenth of it cached, $3 a million written."""
    usage = FrontierUsage(
        input_tokens=100_000, cached_tokens=40_000, output_tokens=10_000, thinking_tokens=9_000
    )
    assert price(GEMINI, usage, DAY) == pytest.approx(0.03 + 0.002 + 0.03)


@pytest.mark.parametrize("wire", WIRES, ids=[wire.provider.value for wire in WIRES])
def test_the_ceiling_holds(wire: Wire) -> None:
    """No answer can cost more than the ceiling: a token for each byte, the whole limit written."""
    policy = of(wire.provider, wire.model)
    request = question(wire, "가나다 JSON")
    told = estimate(policy, request, DAY)
    worst = FrontierUsage(
        input_tokens=len((request.system + request.text).encode()), output_tokens=2000
    )
    assert 0 < told.least_usd < price(policy, worst, DAY) <= told.most_usd
    assert told.likely_tokens < told.most_tokens
    assert told.tables.startswith("genai-prices ")
    assert told.tables.endswith("2026-11-21")


def test_a_model_without_a_price_needs_one_in_the_profile() -> None:
    """What the tables do not know is not asked for nothing; the keys to set are told."""
    usage = FrontierUsage(input_tokens=1_000_000, output_tokens=100_000)
    unknown = of(FrontierProvider.GEMINI, "nobody-knows-1")
    with pytest.raises(ConfigurationError, match="usd_per_million_input"):
        price(unknown, usage, DAY)
    told = unknown.model_copy(update={"usd_per_million_input": 2.0, "usd_per_million_output": 5.0})
    assert price(told, usage, DAY) == pytest.approx(2.5)
