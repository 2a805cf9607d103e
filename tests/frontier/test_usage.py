"""What the runs have cost: the command's numbers, and what the doctor says of the cloud model."""

import io
import json
from datetime import UTC, datetime
from pathlib import Path

import pytest
from pydantic import SecretStr
from rich.console import Console

from bot.doctor import frontier as doctor
from bot.doctor.findings import Level
from bot.places import Places
from bot.usage import account, tell
from shared.errors import ConfigurationError
from shared.frontier import CallState, Ledger
from shared.profiles import FrontierPolicy
from shared.settings import Settings
from shared.store import Run, Store, UsageEntry
from shared.store.frontier_tables import FrontierCall


async def lived_in(home: Path) -> Settings:
    """Return settings of a home with two runs, one of which has asked a cloud model."""
    settings = Settings(home=home, cache=home / "cache", profile="embedded")
    store = Store.open(Places(home=home, cache=home / "cache").database)
    for number in (1, 2):
        run = await store.add_run(
            Run(origin=f"d{number}", repo="o/r", number=number, requester="alice", title="T")
        )
        for role, model in (("coder", "big"), ("coder", "big"), ("router", "small")):
            await store.add_usage(
                UsageEntry(
                    key=f"{run.id}/{role}/{len(await store.usage(run.id))}",
                    run_id=run.id,
                    role=role,
                    model=model,
                    node="mini",
                    prompt_tokens=1000,
                    output_tokens=10,
                    seconds=60.0 if model == "big" else 1.0,
                )
            )
    call = FrontierCall(
        id="o/r#1.1/frontier/1.1",
        run_id="o/r#1.1",
        digest="d",
        provider="gemini",
        model="gemini-3-flash-preview",
        state=CallState.SENT,
        ceiling_usd=0.5,
        started_at=datetime.now(UTC),
    )
    ledger = Ledger(store.engine)
    await ledger.begin(call, FrontierPolicy())
    await ledger.end(call.id, CallState.ANSWERED, price_usd=0.25)
    await ledger.note_help("o/r#1.1", helped=True)
    await store.close()
    return settings


async def test_calls_are_added_up_by_model_and_the_cloud_beside_its_target(tmp_path: Path) -> None:
    """Runs, tokens and seconds by model, the busiest first; share, dollars and what is left."""
    bill = await account(await lived_in(tmp_path))
    told = [(row.model, row.calls, row.prompt_tokens, row.seconds) for row in bill.rows]
    assert told == [("big", 4, 4000, 240.0), ("small", 2, 2000, 2.0)]
    assert (bill.runs, bill.share.asked, bill.share.spent_usd) == (2, 1, 0.25)
    assert bill.left_usd == pytest.approx(9.75)
    assert bill.told_share == "1 of 2 runs (50%; the aim is 10%), it helped 1 time"


async def test_people_and_programs_can_read_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The table names models and dollars; the JSON has the same numbers."""
    settings, paper = await lived_in(tmp_path), io.StringIO()
    assert await tell(settings, Console(file=paper, width=100)) == 0
    assert "big" in paper.getvalue()
    assert "$9.75 left this month" in paper.getvalue()
    assert await tell(settings, Console(), as_json=True) == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["part"], told["target"], told["rows"][0]["model"]) == (0.5, 0.1, "big")


async def test_an_empty_home_says_what_to_do(tmp_path: Path) -> None:
    """Nothing is created where no gateway has ever run."""
    home = tmp_path / "home"
    with pytest.raises(ConfigurationError, match="--env-file"):
        await account(Settings(home=home, cache=home, profile="embedded"))
    assert not home.exists()


def test_the_doctor_knows_key_and_price() -> None:
    """No key is in order and names the setting; with one the price must be known."""
    policy, none = FrontierPolicy(), Settings(profile="embedded", gemini_api_key=None)
    (alone,) = doctor.judge(policy, none)
    assert alone.level is Level.OK
    assert "BATON_GEMINI_API_KEY" in alone.found
    keyed = none.model_copy(update={"gemini_api_key": SecretStr("key-0123456789abcdef")})
    assert [f.level for f in doctor.judge(policy, keyed)] == [Level.OK, Level.OK]
    unknown = policy.model_copy(update={"model": "gemini-of-tomorrow-9"})
    _, price = doctor.judge(unknown, keyed)
    assert price.level is Level.BAD
    assert "usd_per_million_input" in price.mend
