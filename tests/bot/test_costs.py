import pytest

from bot.costs import CloudBill, add_up
from bot.rendering import render
from shared.domain import Language, Stage
from shared.frontier import CallState
from shared.store import FrontierCall
from shared.store.tables import now


def call(number: int, state: CallState, price: float | None, model: str = "g") -> FrontierCall:
    """Make a call of which at most a tenth of a dollar was shown as the price."""
    return FrontierCall(
        id=str(number),
        run_id="r",
        digest="d",
        provider="gemini",
        model=model,
        state=state,
        input_tokens=1000,
        output_tokens=20,
        ceiling_usd=0.1,
        price_usd=price,
        started_at=now(),
        seconds=2.0,
    )


def test_calls_add_up_by_model() -> None:
    """Each model has one row; what was refused has cost nothing and is not counted."""
    bill = add_up(
        [
            call(1, CallState.ANSWERED, 0.01),
            call(2, CallState.REFUSED, None),
            call(3, CallState.ANSWERED, 0.02),
            call(4, CallState.BLOCKED, 0.005, model="h"),
        ]
    )
    assert [(row.model, row.calls, row.input_tokens) for row in bill.rows] == [
        ("g", 2, 2000),
        ("h", 1, 1000),
    ]
    assert bill.usd == pytest.approx(0.035)
    assert bill.is_exact


def test_a_price_that_is_not_known_counts_as_the_most_that_was_shown() -> None:
    """A lost answer may have been billed: the sum is a bound, and says so."""
    bill = add_up([call(1, CallState.ANSWERED, 0.01), call(2, CallState.UNKNOWN, None)])
    assert bill.usd == pytest.approx(0.11)
    assert not bill.is_exact


@pytest.mark.parametrize("language", list(Language))
@pytest.mark.parametrize(
    ("calls", "shown"),
    [
        ([], "$0"),
        ([call(1, CallState.ANSWERED, 0.0123)], " $0.0123."),
        ([call(1, CallState.SENT, None)], "up to $0.1000|최대 $0.1000"),
    ],
)
def test_the_status_shows_the_cost(
    language: Language, calls: list[FrontierCall], shown: str
) -> None:
    """Dollars stand beside the tokens, with the model that was paid; none are told, too."""
    told = status(language, add_up(calls))
    assert any(part in told for part in shown.split("|"))
    assert ("`g`" in told) is bool(calls)


def status(language: Language, bill: CloudBill) -> str:
    """Write the status comment of a run that has cost so much."""
    return render(
        "status",
        language,
        stage=Stage.CODING,
        icon="🏃",
        rows=[],
        activity=None,
        waiting=None,
        agents=[],
        calls=1,
        prompt_tokens=10,
        output_tokens=2,
        model_seconds=0.5,
        cloud=bill,
        pull_number=None,
        reason="",
        hints=("/help",),
        detected="",
        hidden={},
        recorded_models=False,
    )
