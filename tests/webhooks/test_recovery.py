from datetime import UTC, datetime, timedelta

import pytest

from bot.recovery import nap
from shared.errors import BadEvent
from webhooks.delivery import Delivery
from webhooks.recovery import Attempt, missed, stand_in

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)


def attempt(number: int, guid: str, minutes_ago: float, status: int = 502) -> Attempt:
    """Return an attempt some minutes ago."""
    return Attempt(
        id=number,
        guid=guid,
        delivered_at=NOW - timedelta(minutes=minutes_ago),
        status_code=status,
        event="issues",
    )


def due(*attempts: Attempt) -> list[int]:
    """Return the ids of what is to be sent again."""
    return [one.id for one in missed(attempts, NOW)]


def test_failed_deliveries_are_found_the_oldest_first() -> None:
    """What never arrived is asked for in the order in which it happened."""
    assert due(attempt(3, "c", 1), attempt(2, "b", 2, 202), attempt(1, "a", 3, 0)) == [1, 3]


@pytest.mark.parametrize("arrived_before", [True, False])
def test_one_success_of_a_guid_is_enough(*, arrived_before: bool) -> None:
    """A delivery that arrived once, whether before or after it failed, is not asked for."""
    first, second = (1, 2) if arrived_before else (2, 1)
    assert due(attempt(first, "a", 30, 202), attempt(second, "a", 20)) == []


def test_what_github_has_forgotten_is_left_out() -> None:
    """After three days GitHub cannot send it again."""
    assert due(attempt(1, "a", 3 * 24 * 60 + 1)) == []
    assert due(attempt(1, "a", 3 * 24 * 60 - 1)) == [1]


def test_what_fails_again_and_again_is_asked_for_less_and_less() -> None:
    """A delivery that cannot be taken costs a dozen requests in three days, not hundreds."""
    tries, asked = [attempt(0, "a", 0)], 0
    for minute in range(0, 3 * 24 * 60, 5):
        now = NOW + timedelta(minutes=minute)
        if missed(tries, now):
            asked += 1
            tries.append(attempt(asked, "a", -minute))
    assert 8 <= asked <= 20


def test_a_stand_in_is_the_same_each_time() -> None:
    """The same event has the same GUID, another one another; the queue gives it back unchanged."""
    somebody = {"login": "alice"}
    payload = {
        "action": "opened",
        "issue": {"number": 7, "title": "It crashes", "user": somebody},
        "repository": {"full_name": "alice/shop"},
        "sender": somebody,
    }
    made = stand_in("issues", payload, "opened", "alice/shop", "7")
    assert made.guid == stand_in("issues", payload, "opened", "alice/shop", "7").guid
    assert made.guid != stand_in("issues", payload, "opened", "alice/shop", "8").guid
    assert Delivery.model_validate(made.model_dump(mode="json")) == made
    with pytest.raises(BadEvent, match="repository"):
        stand_in("issues", {**payload, "repository": None}, "opened")


async def test_a_machine_that_slept_looks_at_once() -> None:
    """A nap that took an hour on the wall ends the wait; ordinary naps do not."""
    wall, naps = 0.0, 0

    async def sleep(seconds: float) -> None:
        nonlocal wall, naps
        naps += 1
        wall += seconds if naps < 3 else 3600

    await nap(300, wall=lambda: wall, sleep=sleep)
    assert naps == 3
    wall, naps = 0.0, -100
    await nap(300, wall=lambda: wall, sleep=sleep)
    assert naps == -70
