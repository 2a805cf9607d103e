"""``baton usage``: what the runs have cost, by model, and what the cloud was paid."""

import json
import sys
from collections.abc import Mapping, Sequence

from rich.console import Console
from rich.table import Table
from sqlalchemy.exc import DatabaseError

from bot.places import Places
from shared import profiles
from shared.domain import Value
from shared.errors import ConfigurationError
from shared.frontier import Ledger
from shared.frontier.ledger import Share
from shared.settings import Settings
from shared.store import Store, UsageEntry

TARGET = 0.1
"""The share of runs that the plan lets ask a cloud model: one in ten."""


class Row(Value):
    """What one model has cost on one node; seconds are those of the node."""

    model: str
    node: str
    calls: int
    prompt_tokens: int
    output_tokens: int
    seconds: float


class Bill(Value):
    """All that the runs have cost; ``left_usd`` is what this month may still cost."""

    runs: int
    rows: tuple[Row, ...]
    frontier_model: str
    share: Share
    left_usd: float

    @property
    def told_share(self) -> str:
        """Say how often a cloud model was asked, beside the target."""
        asked = self.share
        part = f"{asked.asked} of {asked.runs} runs ({asked.part:.0%}; the aim is {TARGET:.0%})"
        return f"{part}, it helped {asked.helped} time{'s' if asked.helped != 1 else ''}"


async def account(settings: Settings) -> Bill:
    """Read the store. Raises ConfigurationError when there is none yet."""
    store = _open(settings)
    try:
        policy, ledger = profiles.load(settings.profile).frontier, Ledger(store.engine)
        runs = await store.runs()
        used = [entry for run in runs for entry in await store.usage(run.id)]
        return Bill(
            runs=len(runs),
            rows=rows(used),
            frontier_model=policy.model,
            share=await ledger.share(),
            left_usd=await ledger.left_this_month(policy),
        )
    finally:
        await store.close()


def rows(entries: Sequence[UsageEntry]) -> tuple[Row, ...]:
    """Add the calls up by model and node, the busiest first. Pure."""
    groups: dict[tuple[str, str], list[UsageEntry]] = {}
    for entry in entries:
        groups.setdefault((entry.model, entry.node), []).append(entry)
    added = (
        Row(
            model=model,
            node=node,
            calls=len(group),
            prompt_tokens=sum(entry.prompt_tokens for entry in group),
            output_tokens=sum(entry.output_tokens for entry in group),
            seconds=sum(entry.seconds for entry in group),
        )
        for (model, node), group in groups.items()
    )
    return tuple(sorted(added, key=lambda row: (-row.seconds, row.model, row.node)))


async def tell(settings: Settings, console: Console, *, as_json: bool = False) -> int:
    """Show the bill, and return the exit code 0."""
    bill = await account(settings)
    if as_json:
        sys.stdout.write(json.dumps(_plain(bill), indent=2) + "\n")
        return 0
    table = Table("Model", "Node", box=None)
    for name in ("Calls", "Tokens read", "written", "Seconds"):
        table.add_column(name, justify="right")
    for row in bill.rows:
        counts = (row.calls, row.prompt_tokens, row.output_tokens)
        table.add_row(row.model, row.node, *(f"{n:,}" for n in counts), f"{row.seconds:,.0f}")
    console.print(f"Runs: {bill.runs}", highlight=False)
    console.print(table)
    cloud = f"Cloud: {bill.told_share}; ${bill.share.spent_usd:.4f} spent in all, "
    cloud += f"${bill.left_usd:.2f} left this month for {bill.frontier_model}"
    console.print(cloud, highlight=False, soft_wrap=True, markup=False)
    return 0


def _plain(bill: Bill) -> Mapping[str, object]:
    return bill.model_dump(mode="json") | {"part": bill.share.part, "target": TARGET}


def _open(settings: Settings) -> Store:
    url = settings.shared_database()
    places = Places(home=settings.home.resolve(), cache=settings.cache.resolve())
    if not url and not places.database.is_file():
        raise ConfigurationError(
            f"There is nothing in {places.home} yet. Start the gateway (baton serve), or name the "
            "env file that it uses: baton usage --env-file FILE."
        )
    try:
        return Store.at(url) if url else Store.open(places.database)
    except DatabaseError as error:
        raise ConfigurationError(
            f"The database does not let Baton in ({type(error).__name__}). Check "
            "BATON_DATABASE_URL, or BATON_HOME."
        ) from error
