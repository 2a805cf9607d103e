"""What a run has cost at cloud models. What one's own machines do costs tokens and seconds only."""

from collections.abc import Sequence

from bot.services import services
from shared.domain import Value
from shared.frontier import CallState, Ledger
from shared.store import FrontierCall


class CloudCost(Value):
    """What the calls to one cloud model came to.

    ``usd`` is their price; where that is not known, as after a lost answer, the most that they may
    have cost, and ``is_exact`` is False.
    """

    model: str
    provider: str
    calls: int
    input_tokens: int
    output_tokens: int
    seconds: float
    usd: float
    is_exact: bool


class CloudBill(Value):
    """What a run has cost at all cloud models that it has asked, in the order of asking."""

    rows: tuple[CloudCost, ...] = ()

    @property
    def usd(self) -> float:
        """Return the US dollars, or the most that it may be."""
        return sum(row.usd for row in self.rows)

    @property
    def is_exact(self) -> bool:
        """Tell whether the price of every call is known."""
        return all(row.is_exact for row in self.rows)


async def cloud_bill(run_id: str) -> CloudBill:
    """Add up what a run has asked of cloud models."""
    return add_up(await Ledger(services().store.engine).calls(run_id))


def add_up(calls: Sequence[FrontierCall]) -> CloudBill:
    """Add calls up by model; what was refused has cost nothing. Pure."""
    groups: dict[tuple[str, str], list[FrontierCall]] = {}
    for call in calls:
        if call.state != CallState.REFUSED:
            groups.setdefault((call.model, call.provider), []).append(call)
    rows = (
        CloudCost(
            model=model,
            provider=provider,
            calls=len(group),
            input_tokens=sum(call.input_tokens for call in group),
            output_tokens=sum(call.output_tokens for call in group),
            seconds=sum(call.seconds for call in group),
            usd=sum(_most(call) for call in group),
            is_exact=all(call.price_usd is not None for call in group),
        )
        for (model, provider), group in groups.items()
    )
    return CloudBill(rows=tuple(rows))


def _most(call: FrontierCall) -> float:
    return call.ceiling_usd if call.price_usd is None else call.price_usd
