"""Checks of the cloud model: its key, and whether its price is known. Nothing is sent."""

from collections.abc import Sequence
from datetime import UTC, datetime

from bot.doctor.findings import Finding, Section
from shared.errors import ConfigurationError
from shared.frontier import FrontierUsage, has_key, price
from shared.profiles import FrontierPolicy
from shared.settings import Settings

_SECTION = Section("Cloud model")
_MILLION = 1_000_000


def judge(policy: FrontierPolicy, settings: Settings) -> Sequence[Finding]:
    """Look whether the cloud model of a profile could be asked for advice."""
    if not has_key(policy, settings):
        found = "no key: nobody is offered to ask a cloud model; all else works"
        mend = f"To have it offered, set BATON_{policy.provider.upper()}_API_KEY in the env file."
        return [_SECTION.ok("key", f"{found}. {mend}")]
    told = f"there is one for {policy.model} ({policy.provider})"
    return [_SECTION.ok("key", told), _price(policy)]


def _price(policy: FrontierPolicy) -> Finding:
    read = FrontierUsage(input_tokens=_MILLION, output_tokens=0)
    written = FrontierUsage(input_tokens=0, output_tokens=_MILLION)
    try:
        at = datetime.now(UTC)
        prices = price(policy, read, at), price(policy, written, at)
    except ConfigurationError as error:
        return _SECTION.bad("price", "not known, so nothing can be sent", str(error))
    found = "${:.2f} for a million tokens read, ${:.2f} written; ".format(*prices)
    found += f"at most ${policy.run_budget_usd:.2f} a run, ${policy.monthly_budget_usd:.2f} a month"
    return _SECTION.ok("price", found)
