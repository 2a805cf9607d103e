"""Bad models, let loose on a real repository: none ends in a wrong pull request or in a hang."""

from pathlib import Path

import pytest

from tests.agents.hostile_models import CASES
from tests.agents.hostile_world import Ends, World


@pytest.mark.parametrize("name", CASES)
async def test_a_hostile_model_ends_cleanly(name: str, world: World, tmp_path: Path) -> None:
    """It ends as it must, says why, keeps every turn, and writes nothing outside."""
    case = CASES[name]
    outcome = await world.play(case, tmp_path)
    assert outcome.ends is case.ends, outcome.told
    assert case.said in outcome.told
    if case.ended is not None:
        assert outcome.attempt.ended is case.ended


def test_there_are_many_kinds() -> None:
    """The suite has at least forty kinds, and each way to end among them."""
    assert len(CASES) >= 40
    assert {case.ends for case in CASES.values()} == set(Ends)
