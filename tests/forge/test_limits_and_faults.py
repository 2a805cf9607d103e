from pathlib import Path

import httpx
import pytest

from bot.demo.forge import RateLimits, When
from tests.forge.honesty import Honesty
from tests.forge.world import REPO, World, open_world


async def test_the_hourly_limit_counts_down(tmp_path: Path, honesty: Honesty) -> None:
    """Headers count down; the request after the last is 403 until the hour has passed."""
    limits = RateLimits(requests_per_hour=3)
    async with open_world(tmp_path, honesty, limits=limits) as world:
        alice = await world.person("alice")
        answers = [await alice.get(REPO) for _ in range(4)]
        assert [one.status_code for one in answers] == [200, 200, 200, 403]
        assert [one.headers["x-ratelimit-remaining"] for one in answers] == ["2", "1", "0", "0"]
        assert "API rate limit exceeded" in answers[-1].json()["message"]
        reset = int(answers[-1].headers["x-ratelimit-reset"])
        assert reset == int(world.clock().timestamp()) + 3600
        assert (await (await world.person("bob")).get(REPO)).status_code == 200
        world.clock.forward(hours=1)
        assert (await alice.get(REPO)).status_code == 200


async def test_too_many_writes_have_to_wait(tmp_path: Path, honesty: Honesty) -> None:
    """The secondary limit is 403 with Retry-After; reading goes on, and after it writing does."""
    limits = RateLimits(writes_per_minute=2, writes_per_hour=3)
    async with open_world(tmp_path, honesty, limits=limits) as world:
        alice = await world.person("alice")

        async def write() -> httpx.Response:
            return await alice.post(f"{REPO}/issues", json={"title": "More"})

        assert [(await write()).status_code for _ in range(2)] == [201, 201]
        refused = await write()
        assert (refused.status_code, refused.headers["retry-after"]) == (403, "60")
        assert "secondary rate limit" in refused.json()["message"]
        assert (await alice.get(REPO)).status_code == 200
        world.clock.forward(minutes=1)
        assert (await write()).status_code == 201
        world.clock.forward(minutes=1)
        assert (await write()).headers["retry-after"] == str(58 * 60)


async def test_a_fault_strikes_before_the_work(world: World) -> None:
    """The next matching requests fail and do nothing; others pass; then it is over."""
    alice = await world.person("alice")
    world.faults.fail("POST", "/issues$", status=503, times=2, headers={"Retry-After": "1"})
    for _ in range(2):
        answer = await alice.post(f"{REPO}/issues", json={"title": "One"})
        assert (answer.status_code, answer.headers["retry-after"]) == (503, "1")
    assert (await alice.get(f"{REPO}/issues")).json() == []
    assert (await alice.post(f"{REPO}/issues", json={"title": "One"})).status_code == 201


@pytest.mark.parametrize("when", [When.AFTER, When.DROPPED])
async def test_a_fault_strikes_after_the_work(world: World, when: When) -> None:
    """The work is done and the answer lost: a client that repeats a POST would double it."""
    alice = await world.person("alice")
    await alice.post(f"{REPO}/issues", json={"title": "One"})
    world.faults.fail("POST", "/comments$", when=when)
    said = {"body": "Only once"}
    if when is When.DROPPED:
        with pytest.raises(httpx.RemoteProtocolError):
            await alice.post(f"{REPO}/issues/1/comments", json=said)
    else:
        assert (await alice.post(f"{REPO}/issues/1/comments", json=said)).status_code == 502
    assert len((await alice.get(f"{REPO}/issues/1/comments")).json()) == 1
    assert (await world.events())[-1] == "issue_comment.created"


async def test_a_forge_remembers(tmp_path: Path, honesty: Honesty) -> None:
    """Started again on the same state, it has the same issues and greets nobody twice."""
    async with open_world(tmp_path, honesty) as world:
        alice = await world.person("alice")
        await alice.post(f"{REPO}/issues", json={"title": "One"})
    async with open_world(tmp_path, honesty) as again:
        alice = await again.person("alice")
        assert (await alice.get(f"{REPO}/issues/1")).json()["title"] == "One"
        assert await again.events() == []
        await alice.post(f"{REPO}/issues", json={"title": "Two"})
        assert await again.events() == ["issues.opened"]
