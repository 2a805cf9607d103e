"""A model that takes its time: what is shown meanwhile, and that it can be stopped."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bot.services import services
from shared.domain import Role, Stage
from tests.road.test_people_kit import Household, open_household, patiently
from tests.road.test_people_stop import no_work_is_left
from tests.road.world import REF, plan_for


@pytest.fixture
async def house(tmp_path: Path, cache: Path) -> AsyncIterator[Household]:
    """A household whose models pause after every few words."""
    async with open_household(plan_for(tmp_path, cache, pace=0.3)) as opened:
        yield opened


async def test_cancel_ends_a_model_in_mid_sentence(house: Household) -> None:
    """Its progress is shown; after /cancel the answer is dropped, and nothing goes on."""
    number = await house.waiting("Slow")
    await house.tell(house.alice, number, "/approve")
    await house.said(number, "**Now:** Planner with `qwen3-coder-next:q4_K_M` on `recording`")
    assert await house.tell(house.alice, number, "/cancel") == {"eyes", "+1"}

    async def model_is_left_alone() -> bool:
        return services().progress.activity(f"{REF}#{number}.1") is None

    await patiently(model_is_left_alone)
    assert await no_work_is_left(number)
    assert await house.asked(number, Role.PLANNER) == 0
    status = await house.said(number, "Baton · Cancelled")
    assert "**Now:**" not in status["body"]
    await house.said(number, "Cancelled by @alice.")
    assert "🛑" not in "".join(await house.bodies(number))
    assert await house.stage(number) is Stage.CANCELLED
