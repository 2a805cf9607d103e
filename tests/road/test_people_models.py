"""Models that fail, and issues that a model cannot sort: people are told what to do."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from shared.domain import Role, Stage
from shared.profiles import Profile
from tests.road.test_people_kit import Household, open_household, patiently, recording_with
from tests.road.world import plan_for

pytestmark = pytest.mark.asyncio(loop_scope="module")


def guess(type_: str, difficulty: str, confidence: float) -> str:
    """Write the router's answer."""
    return (
        f'{{"type": "{type_}", "difficulty": "{difficulty}", "confidence": {confidence}, '
        '"self_reflection": false}'
    )


def at(role: str, title: str, turn: int = 0) -> str:
    """Write the head of a reply that is due for one issue."""
    return f'role = "{role}"\nturn = {turn}\nwhen = ["{title}"]'


_ALWAYS_RED = """I write a test.

```create tests/test_never.py
def test_never():
    assert 1 == 2
```"""
_ALWAYS_GREEN = _ALWAYS_RED.replace("1 == 2", "1 == 1").replace("never", "always")
_SUBMIT = "Done.\n\n```submit\nI am done.\n```"
_REPLIES = (
    (at("router", "Babble"), '{"type": "banana"}'),
    (at("router", "Babble", 1), '{"type": "banana", "difficulty": "medium"}'),
    (at("router", "No red"), guess("bug", "low", 0.9)),
    (at("tester", "No red"), _ALWAYS_GREEN),
    (at("tester", "No red", 1), _SUBMIT),
    (at("router", "No green"), guess("bug", "low", 0.9)),
    (at("tester", "No green"), _ALWAYS_RED),
    (at("tester", "No green", 1), _SUBMIT),
    (at("coder", "No green"), _SUBMIT),
    (at("router", "Unsure"), guess("bug", "low", 0.2)),
    (at("tester", "Unsure"), _ALWAYS_GREEN),
    (at("tester", "Unsure", 1), _SUBMIT),
    (at("router", "Why?"), guess("question", "medium", 0.95)),
)


def poorer(profile: Profile) -> Profile:
    """Let the planner be a model that no node holds, and a failed attempt be the last."""
    absent = profile.model(Role.PLANNER).model_copy(update={"name": "absent:70b"})
    return profile.model_copy(
        update={
            "models": (*profile.models, absent),
            "roles": {**profile.roles, Role.PLANNER: absent.name},
            "budgets": profile.budgets.model_copy(update={"attempts": 1}),
        }
    )


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def house(tmp_path_factory: pytest.TempPathFactory, cache: Path) -> AsyncIterator[Household]:
    """One household whose models fail by the title of the issue."""
    home = tmp_path_factory.mktemp("models")
    recording = recording_with(home / "recording", _REPLIES)
    plan = plan_for(home, cache, recording=recording)
    async with open_household(plan, poorer) as opened:
        yield opened


@pytest_asyncio.fixture(autouse=True, loop_scope="module")
async def rest(house: Household) -> AsyncIterator[None]:
    """Leave nothing in flight behind a test."""
    yield
    await house.rest()


@pytest.mark.parametrize(
    ("title", "why"),
    [
        ("Babble", "Router (`qwen2.5:7b`) gave no usable answer, after one correction."),
        ("No red", "After 1 attempt there are no tests that fail for the right reason."),
        ("No green", "After 1 attempt no change passes the tests."),
    ],
)
async def test_a_model_that_fails_stops_the_run_in_plain_sight(
    house: Household, title: str, why: str
) -> None:
    """One notice says what happened and what to type; the status and the label agree."""
    number = await house.issue(title)
    run = await house.ended(number)
    assert why in run.reason
    told = await house.said(number, "**Stopped.**")
    assert run.reason in told["body"]
    assert "Type `/retry`" in told["body"]
    await house.said(number, "Baton · Stopped")
    assert "baton:needs-you" in await house.labels(number)
    assert (await house.left(number))["pulls"] == []


async def test_a_missing_model_is_named_with_the_line_to_type(house: Household) -> None:
    """An approved planner that no node holds stops the run with its `ollama pull` line."""
    number = await house.waiting("Heavy")
    await house.tell(house.alice, number, "/approve")
    await house.ended(number)
    told = await house.said(number, "**Stopped.**")
    assert "ollama pull absent:70b" in told["body"]


@pytest.mark.parametrize(("title", "shown"), [("Unsure", "only 20 % sure"), ("Why?", "question")])
async def test_a_person_decides_what_the_router_cannot(
    house: Household, title: str, shown: str
) -> None:
    """Low confidence and questions wait for a person; nothing is built before."""
    number = await house.issue(title)
    await house.at(number, Stage.NEEDS_HUMAN)
    told = await house.said(number, "Baton is not sure what to do here")
    assert shown in told["body"]

    async def labelled() -> bool:
        return "baton:needs-you" in await house.labels(number)

    await patiently(labelled)
    await house.rest()
    assert await house.asked(number, Role.TESTER) == 0


async def test_a_yes_to_the_guess_goes_on_with_it(house: Household) -> None:
    """After /approve an unsure run builds; with low difficulty no planner is asked for."""
    number = await house.issue("Unsure, yet wanted")
    await house.at(number, Stage.NEEDS_HUMAN)
    assert await house.tell(house.alice, number, "/approve") == {"eyes", "+1"}
    await house.ended(number)
    assert await house.asked(number, Role.TESTER) > 0
    assert [request.kind for request in await house.requests(number)] == ["triage"]


async def test_an_issue_in_korean_is_answered_in_korean(house: Household) -> None:
    """Status, request, notices and the end of a run are in the issue's language."""
    number = await house.waiting("2월 이후 날짜가 28일로 밀립니다", "매달 31일이어야 합니다.")
    await house.tell(house.alice, number, "/approve frontier")
    await house.tell(house.alice, number, "/deny")
    await house.ended(number)
    await house.said(number, "중단했습니다")
    for body in await house.bodies(number):
        if body.startswith("<!-- baton:"):
            assert any("가" <= letter <= "힣" for letter in body), body
    for english in ("May the Planner", "Nothing has been approved", "said no", "Type `/retry`"):
        assert english not in "".join(await house.bodies(number))
