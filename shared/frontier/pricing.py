"""What a call may cost, and what it did cost, from dated price tables read offline.

The tables are the ones that the ``genai-prices`` package carries; none are fetched.
"""

from datetime import datetime
from importlib.metadata import version

from genai_prices import Usage, calc_price

from shared.chat import Message, Speaker, fewest_tokens, likely_tokens
from shared.domain import Value
from shared.errors import ConfigurationError
from shared.frontier.values import FrontierRequest, FrontierUsage
from shared.profiles import FrontierPolicy, FrontierProvider

_PROVIDERS = {
    FrontierProvider.GEMINI: "google",
    FrontierProvider.OPENAI: "openai",
    FrontierProvider.ANTHROPIC: "anthropic",
}
_FRAME = 64  # tokens that a provider may put around a system text and one message
_MILLION = 1_000_000


class Estimate(Value):
    """What a request will come to: tokens read, and its price in US dollars.

    ``most_usd`` is a ceiling that holds: no tokenizer makes more tokens than there are bytes, and
    an answer is cut, thinking included, at the limit of the request.
    """

    likely_tokens: int
    most_tokens: int
    least_usd: float
    most_usd: float
    tables: str


def estimate(policy: FrontierPolicy, request: FrontierRequest, at: datetime) -> Estimate:
    """Estimate a request by the prices of a day.

    Raises ConfigurationError when no price of the model is known.
    """
    messages = [
        Message(role=Speaker.SYSTEM, content=request.system),
        Message(role=Speaker.USER, content=request.text),
    ]
    most = len(request.system.encode()) + len(request.text.encode()) + _FRAME
    least = FrontierUsage(input_tokens=fewest_tokens(messages), output_tokens=0)
    worst = FrontierUsage(input_tokens=most, output_tokens=request.max_output_tokens)
    return Estimate(
        likely_tokens=likely_tokens(messages),
        most_tokens=most,
        least_usd=price(policy, least, at),
        most_usd=price(policy, worst, at),
        tables=f"genai-prices {version('genai-prices')}, {at:%Y-%m-%d}",
    )


def price(policy: FrontierPolicy, usage: FrontierUsage, at: datetime) -> float:
    """Return what a call costs on a day, in US dollars.

    Prices in the profile go before the tables. Raises ConfigurationError when neither has one.
    """
    if policy.usd_per_million_input is not None and policy.usd_per_million_output is not None:
        read = usage.input_tokens * policy.usd_per_million_input
        return (read + usage.output_tokens * policy.usd_per_million_output) / _MILLION
    billed = Usage(
        input_tokens=usage.input_tokens,
        cache_read_tokens=usage.cached_tokens,
        output_tokens=usage.output_tokens,
    )
    try:
        found = calc_price(
            billed,
            policy.model,
            provider_id=_PROVIDERS[policy.provider],
            genai_request_timestamp=at,
        )
    except LookupError as error:
        raise ConfigurationError(
            f'No price of {policy.provider} model "{policy.model}" is known. Correct model in '
            "[frontier] of the profile, or set usd_per_million_input and usd_per_million_output "
            "there."
        ) from error
    return float(found.total_price)
