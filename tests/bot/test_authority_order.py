"""Deliveries come twice and in any order; what becomes of the run does not depend on it."""

import re
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from typing import Any

import pytest
import pytest_asyncio
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.demo.forge.config import Level
from bot.services import services
from shared.domain import Stage
from shared.store import ApprovalState
from tests.bot.authority import Court, Scene, open_court
from tests.road.test_people_kit import patiently
from tests.road.world import REF

pytestmark = [
    pytest.mark.asyncio(loop_scope="module"),
    # It is the engine's threads that use it, while an order is drawn.
    pytest.mark.filterwarnings(
        "ignore:Do not use the `random` module:hypothesis.errors.HypothesisDeprecationWarning"
    ),
]
Json = dict[str, Any]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def court(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Court]:
    """One household for all interleavings; each has an issue of its own."""
    async with open_court(tmp_path_factory.mktemp("order")) as opened:
        await opened.allow("mallory", Level.READ)
        yield opened


HAPPENINGS = 7
ORDERS = st.permutations(range(HAPPENINGS)).flatmap(
    lambda order: st.lists(st.sampled_from(order), max_size=4).map(lambda more: [*order, *more])
)
"""Every delivery once, in any order, and some of them again."""


async def happen(court: Court, *, last: str) -> tuple[Scene, list[tuple[str, Json]], list[int]]:
    """Let things happen on an issue that a run asks about; return what GitHub would deliver of it.

    Two comments command what decides nothing, one is a maintainer's yes; ``last`` is whether the
    issue is then edited or closed.
    """
    house, scene = court.house, await court.asking("planner")
    path = f"/issues/{scene.number}"
    told = [("issues", await court.sent("issues", "opened"))]
    await house.alice.call("POST", f"{path}/labels", {"labels": ["bug"]})
    told.append(("issues", await court.sent("issues", "labeled")))
    said = [
        await house.mallory.comment(scene.number, "/approve"),
        await house.wendy.comment(scene.number, "/help"),
        await house.alice.comment(scene.number, "/approve frontier"),
    ]
    if last == "edited":
        said.append(await house.alice.comment(scene.number, "/approve"))
        await house.alice.call("PATCH", path, {"body": "Something else."})
    else:
        said.append(await house.alice.comment(scene.number, "Never mind."))
        await house.alice.call("PATCH", path, {"state": "closed"})
    told += [("issue_comment", await court.sent(comment=comment)) for comment in said]
    told.append(("issues", await court.sent("issues", last)))
    assert len(told) == HAPPENINGS
    return scene, told, said


async def deliver(
    court: Court, scene: Scene, told: Sequence[tuple[str, Json]], order: list[int], *, anew: bool
) -> None:
    """Deliver what happened; what comes again has its own GUID or, if ``anew``, another one."""
    for turn, index in enumerate(order):
        event, payload = told[index]
        guid = f"order-{scene.number}-{index}" + (f"-{turn}" if anew else "")
        await court.deliver(guid, payload, event)


async def left(court: Court, scene: Scene, said: list[int]) -> Json:
    """Collect what "the same" means: see the tests."""
    kinds = re.findall(r"<!-- baton:(\w+)", "\n".join(await court.house.bodies(scene.number)))
    shown = [await court.reactions(court.house.alice, comment) for comment in said]
    return {
        "runs": [run.id for run in await services().store.runs(str(REF), scene.number)],
        "stage": await scene.stage(),
        "requests": await scene.asked(),
        "comments": {kind: n for kind, n in Counter(kinds).items() if kind != "command"},
        "stranger": shown[0],
        "helped": shown[1],
        "wrong": shown[2],
        "answers": [len(await court.notices(scene.number, comment)) for comment in said[:3]],
    }


@given(order=ORDERS, anew=st.booleans())
@settings(max_examples=6, deadline=None)
async def test_an_edit_and_a_yes_end_alike_in_any_order(
    court: Court, order: list[int], *, anew: bool
) -> None:
    """The yes was said before the edit, and both are told in any order and more than once.

    The same: one run, at the same stage; the first request void and the second pending; one
    status, two requests and one notice that the first is void; every other command answered once
    and with the same reactions. Not the same, for it tells what happened: the reaction to the yes,
    which counted for a moment, or came when its request was void already.
    """
    await court.forget_hearings()
    scene, told, said = await happen(court, last="edited")
    await deliver(court, scene, told, order, anew=anew)

    async def is_asked_anew() -> bool:
        stage = await scene.stage()
        return len(await scene.asked()) == 2 and stage is Stage.AWAITING_PLANNER

    await patiently(is_asked_anew)
    await court.house.said(scene.number, "/planner/2`")
    found = await left(court, scene, said)
    await court.clear()
    assert found == {
        "runs": [scene.run_id],
        "stage": Stage.AWAITING_PLANNER,
        "requests": [ApprovalState.VOID, ApprovalState.PENDING],
        "comments": {"status": 1, "approval": 2, "void": 1},
        "stranger": {"eyes", "confused"},
        "helped": {"eyes", "+1"},
        "wrong": {"eyes", "confused"},
        "answers": [1, 1, 1],
    }


@given(order=ORDERS, anew=st.booleans())
@settings(max_examples=6, deadline=None)
async def test_a_closed_issue_ends_alike_in_any_order(
    court: Court, order: list[int], *, anew: bool
) -> None:
    """Opened, labelled, commented and closed are told in any order and more than once.

    The same: one run, closed; its one request void; one status and one request shown, nothing
    else; every command answered once and with the same reactions, whether it was read before the
    end of the run or after.
    """
    await court.forget_hearings()
    scene, told, said = await happen(court, last="closed")
    await deliver(court, scene, told, order, anew=anew)
    found = await left(court, scene, said)
    await court.clear()
    assert found == {
        "runs": [scene.run_id],
        "stage": Stage.CLOSED,
        "requests": [ApprovalState.VOID],
        "comments": {"status": 1, "approval": 1},
        "stranger": {"eyes", "confused"},
        "helped": {"eyes", "+1"},
        "wrong": {"eyes", "confused"},
        "answers": [1, 1, 1],
    }
