"""A yes counts for what was shown, where it was shown, after it was shown, once, while it holds."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest

from bot.approvals import Answer
from bot.demo.forge.actors import NOBODY
from bot.demo.forge.config import Level
from bot.demo.forge.tables import Comment
from bot.services import install, services
from shared.domain import Stage
from shared.profiles import BaseMoved
from shared.store import ApprovalState, Ears, Hearing
from shared.store.heard import MOST
from tests.bot.authority import Court, Scene, say
from tests.road.test_people_kit import patiently

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.usefixtures("begin")]
PENDING, APPROVED, VOID = ApprovalState.PENDING, ApprovalState.APPROVED, ApprovalState.VOID
EXPIRED = ApprovalState.EXPIRED
DONE, PUZZLED, UNHEARD = {"eyes", "+1"}, {"eyes", "confused"}, set[str]()


async def before(court: Court, scene: Scene, comment: int) -> int:
    """Show the request only after the yes was written."""
    await services().store.note_approval(f"{scene.run_id}/planner/1", comment=comment + 1)
    return comment


async def decide(scene: Scene, state: ApprovalState) -> None:
    """Let somebody or something else answer first."""
    first = Answer(state=state, source="another", login="alice")
    assert await answer_now(scene, first)


async def answer_now(scene: Scene, decision: Answer) -> bool:
    """Answer a request outside of any workflow."""
    return await services().store.decide(
        f"{scene.run_id}/planner/1",
        decision.state,
        decision=decision.source,
        by=decision.login,
        reason="",
    )


async def after_a_yes(_court: Court, scene: Scene, comment: int) -> int:
    """Let another yes be first."""
    await decide(scene, APPROVED)
    return comment


async def after_expiry(_court: Court, scene: Scene, comment: int) -> int:
    """Let the hours pass."""
    await decide(scene, EXPIRED)
    return comment


async def after_an_edit(_court: Court, scene: Scene, comment: int) -> int:
    """Let the request have been voided."""
    await services().store.void_approval(f"{scene.run_id}/planner/1", "edited")
    return comment


async def after_the_end(_court: Court, scene: Scene, comment: int) -> int:
    """Let the run be over."""
    await services().store.update_run(scene.run_id, stage=Stage.CANCELLED)
    return comment


async def revoked(court: Court, _scene: Scene, comment: int) -> int:
    """Take the permission away between the comment and its reading."""
    await court.allow("mallory", Level.READ)
    return comment


async def edited(court: Court, _scene: Scene, comment: int) -> int:
    """Change the comment into another command before it is read."""
    path = f"/issues/comments/{comment}"
    await court.house.mallory.call("PATCH", path, {"body": "/approve planner"})
    return comment


async def taken_back(court: Court, _scene: Scene, comment: int) -> int:
    """Change the comment into plain words before it is read."""
    path = f"/issues/comments/{comment}"
    await court.house.mallory.call("PATCH", path, {"body": "Let me think."})
    return comment


async def of_old(court: Court, _scene: Scene, comment: int) -> int:
    """Let the comment be a day older than the run."""
    async with court.house.forge.writing(NOBODY) as unit:
        row = await unit.session.get_one(Comment, comment)
        row.created_at = row.updated_at = row.created_at.replace(year=row.created_at.year - 1)
    return comment


async def at(_court: Court, _scene: Scene, comment: int) -> int:
    """Change nothing."""
    return comment


Moment = Callable[[Court, Scene, int], Awaitable[int]]
# When the yes of a collaborator is read, and what comes of it.
MOMENTS: dict[Moment, tuple[set[str], list[str], ApprovalState]] = {
    at: (DONE, [], APPROVED),
    before: (PUZZLED, ["too_early"], PENDING),
    after_a_yes: (PUZZLED, ["nothing_waits"], APPROVED),
    after_expiry: (PUZZLED, ["nothing_waits"], EXPIRED),
    after_an_edit: (PUZZLED, ["nothing_waits"], VOID),
    after_the_end: (PUZZLED, ["nothing_waits"], VOID),
    revoked: (PUZZLED, ["refused"], PENDING),
    edited: (PUZZLED, ["edited"], PENDING),
    taken_back: (UNHEARD, [], PENDING),
    of_old: (PUZZLED, ["too_late"], PENDING),
}


@pytest.mark.parametrize("moment", MOMENTS, ids=lambda moment: moment.__name__)
@pytest.mark.parametrize("on_pull", [False, True], ids=["issue", "pull"])
async def test_a_yes_has_its_time(court: Court, moment: Moment, *, on_pull: bool) -> None:
    """Too early, too late, changed or without the permission by now, a yes decides nothing."""
    reactions, notices, state = MOMENTS[moment]
    scene = await court.scene("planner")
    number = await court.pull_of(scene) if on_pull else scene.number
    comment = await court.house.mallory.comment(number, "/approve")
    payload = await court.sent(comment=comment)
    await moment(court, scene, comment)
    if moment is of_old:
        payload["comment"] |= {"created_at": "2020-01-01T00:00:00Z"}
        payload["comment"] |= {"updated_at": "2020-01-01T00:00:00Z"}
    await court.deliver(f"moment-{comment}", payload)
    assert await court.reactions(court.house.alice, comment) == reactions
    assert await court.notices(number, comment) == notices
    assert await scene.asked() == [state]


async def test_a_yes_waits_until_the_request_is_seen(
    court: Court, caplog: pytest.LogCaptureFixture
) -> None:
    """A yes that is read while its request is on the way to GitHub is held against its place there.

    Which of the two comments came first is known by then only.
    """
    scene = await court.scene("planner")
    comment = await court.house.mallory.comment(scene.number, "/approve")
    payload = await court.sent(comment=comment)
    request = f"{scene.run_id}/planner/1"
    await services().store.note_approval(request, comment=None)
    reading = asyncio.create_task(court.deliver(f"unseen-{comment}", payload))

    async def is_held() -> bool:
        return reading.done() or f"{request} is still on its way" in caplog.text

    await patiently(is_held)
    await services().store.note_approval(request, comment=comment + 1)
    await reading
    assert await court.reactions(court.house.alice, comment) == PUZZLED
    assert await court.notices(scene.number, comment) == ["too_early"]
    assert await scene.asked() == [PENDING]


async def test_a_deleted_comment_commands_nothing(court: Court) -> None:
    """What was deleted before it was read has not been said."""
    scene = await court.scene("planner")
    comment = await court.house.mallory.comment(scene.number, "/approve")
    payload = await court.sent(comment=comment)
    await court.house.delete_comment(comment)
    await court.deliver(f"gone-{comment}", payload)
    assert await court.notices(scene.number, comment) == []
    assert await scene.asked() == [PENDING]


async def test_an_edit_is_no_command(court: Court) -> None:
    """The webhook of an edit commands nothing, whatever the comment says by now."""
    scene = await court.scene("planner")
    comment = await court.house.mallory.comment(scene.number, "Well.")
    path = f"/issues/comments/{comment}"
    await court.house.mallory.call("PATCH", path, {"body": "/approve"})
    payload = await court.sent(comment=comment)
    assert payload["action"] == "edited"
    await court.deliver(f"edit-{comment}", payload)
    assert await court.reactions(court.house.alice, comment) == UNHEARD
    assert await scene.asked() == [PENDING]


@pytest.mark.parametrize("guid", ["same", "other"])
async def test_a_replay_changes_nothing(court: Court, guid: str) -> None:
    """A delivery that comes again, under its GUID or another, decides and says nothing more."""
    scene = await court.scene("planner")
    comment = await court.house.mallory.comment(scene.number, "/approve")
    payload = await court.sent(comment=comment)
    await court.deliver(f"replay-{comment}", payload)
    again = f"replay-{comment}" if guid == "same" else f"again-{comment}"
    await court.deliver(again, payload)
    assert await court.reactions(court.house.alice, comment) == DONE
    assert await court.notices(scene.number, comment) == []
    assert await scene.asked() == [APPROVED]


EDITS = {
    "title": {"title": "Something else"},
    "body": {"body": "Run rm -rf / as well."},
    "both": {"title": "New", "body": "New"},
}


@pytest.mark.parametrize("kind", ["planner", "triage"])
@pytest.mark.parametrize("what", EDITS)
async def test_an_edited_issue_voids_at_once(court: Court, kind: str, what: str) -> None:
    """The edit itself takes the request back, says why, and has the new text asked for."""
    scene = await court.asking(kind)
    await court.house.alice.call("PATCH", f"/issues/{scene.number}", EDITS[what])
    payload = await court.sent("issues")
    await court.deliver(f"edited-{scene.number}", payload, "issues")
    told = await court.house.said(scene.number, "no longer holds")
    assert "the issue has changed" in told["body"]
    await court.house.said(scene.number, f"/{kind}/2`")
    assert await scene.asked() == [VOID, PENDING]


@pytest.mark.parametrize("what", EDITS)
async def test_a_yes_before_the_edit_is_told_of_is_void(court: Court, what: str) -> None:
    """A yes that overtakes the news of an edit does not cover what was never shown."""
    scene = await court.asking("planner")
    await court.house.alice.call("PATCH", f"/issues/{scene.number}", EDITS[what])
    await say(court, scene.number)
    await court.house.said(scene.number, "the issue has changed")
    await court.house.said(scene.number, "/planner/2`")
    assert await scene.asked() == [VOID, PENDING]


async def test_a_plan_for_an_edited_issue_is_made_anew(court: Court) -> None:
    """A yes to a plan whose issue has changed is void, and the run begins anew with the issue."""
    scene = await court.asking("plan")
    await court.house.alice.call("PATCH", f"/issues/{scene.number}", EDITS["body"])
    await say(court, scene.number, "/approve plan")
    await court.house.said(scene.number, "/plan/2`")
    assert await scene.asked() == [VOID, PENDING]


async def test_a_label_voids_nothing(court: Court) -> None:
    """What does not change the text does not change what was shown."""
    scene = await court.asking("planner")
    await court.house.alice.call("POST", f"/issues/{scene.number}/labels", {"labels": ["bug"]})
    await say(court, scene.number)
    assert await court.outcome(scene) == "goes on: as shown"
    assert await scene.asked() == [APPROVED]


@pytest.mark.parametrize(
    ("kind", "body", "outcome"),
    [
        ("planner", "/run", "goes on: build"),
        ("triage", "/run", "goes on: build"),
        ("triage", "/plan", "goes on: plan"),
        ("triage", "/route planner", "goes on: plan"),
        ("triage", "/route Dev1_Senior", "goes on: build"),
        ("triage", "/route human I know how", "stopped: mallory said no. human I know how"),
        ("triage", "/approve", "goes on: as shown"),
        ("planner", "/deny Too dear.", "stopped: mallory said no. Too dear."),
    ],
)
async def test_a_person_chooses_the_way(court: Court, kind: str, body: str, outcome: str) -> None:
    """The run goes the way that its answer names, or stops with its reason."""
    scene = await court.asking(kind)
    await say(court, scene.number, body)
    assert await court.outcome(scene) == outcome


@contextlib.contextmanager
def policy(**changes: Any) -> Iterator[None]:  # noqa: ANN401  fields of the profile
    """Let the profile ask for other approvals for a while."""
    before = services()
    approvals = before.profile.approvals.model_copy(update=changes)
    profile = before.profile.model_copy(update={"approvals": approvals})
    install(replace(before, profile=profile))
    try:
        yield
    finally:
        install(before)


async def test_two_different_people_have_to_say_yes(court: Court) -> None:
    """The first yes is kept and told; the same person's second is none; another's decides."""
    with policy(approvers=2):
        scene = await court.asking("planner")
        assert "Two different people" in "".join(await court.house.bodies(scene.number))
        first, again = await say(court, scene.number), await say(court, scene.number)
        assert await court.reactions(court.house.alice, first) == DONE
        assert await court.reactions(court.house.alice, again) == PUZZLED
        assert await court.notices(scene.number, first) == ["one_more"]
        assert await scene.asked() == [PENDING]
        comment = await court.house.wendy.comment(scene.number, "/approve")
        await court.deliver(f"second-{comment}", await court.sent(comment=comment))
        assert await court.outcome(scene) == "goes on: as shown"
    (request,) = await services().store.approvals(scene.run_id)
    assert (request.state, request.decided_by) == (APPROVED, "mallory + wendy")


async def test_of_two_each_has_to_be_allowed_when_the_work_starts(court: Court) -> None:
    """A first yes whose giver may no longer write does not help the second."""
    with policy(approvers=2):
        scene = await court.asking("planner")
        await say(court, scene.number)
        await court.allow("mallory", Level.READ)
        comment = await court.house.wendy.comment(scene.number, "/approve")
        await court.deliver(f"revoked-{comment}", await court.sent(comment=comment))
        await court.house.said(scene.number, "mallory may no longer write")
        await court.house.said(scene.number, "/planner/2`")
    assert await scene.asked() == [VOID, PENDING]


@pytest.mark.parametrize("base_moved", BaseMoved)
async def test_a_moved_base_counts_as_the_profile_says(court: Court, base_moved: BaseMoved) -> None:
    """It voids the yes and is asked anew, or the run goes on from the commit that was shown."""
    with policy(base_moved=base_moved):
        scene = await court.asking("planner")
        await court.house.move_base()
        await say(court, scene.number)
        if base_moved is BaseMoved.KEEP:
            assert await court.outcome(scene) == "goes on: as shown"
        else:
            await court.house.said(scene.number, "the base branch has changed")
            await court.house.said(scene.number, "/planner/2`")
    kept = base_moved is BaseMoved.KEEP
    assert await scene.asked() == ([APPROVED] if kept else [VOID, PENDING])


async def test_who_says_too_much_is_told_once(court: Court) -> None:
    """After the bound there is one word about it, then silence; others are still heard."""
    scene = await court.scene("none")
    ears = Ears(services().store.engine)
    for n in range(MOST - 1):
        assert await ears.hear("mallory", f"earlier {n}", "d") is Hearing.YES
    comments = [await say(court, scene.number, "/help") for _ in range(4)]
    told = [await court.notices(scene.number, comment) for comment in comments]
    assert told == [["help"], ["too_often"], [], []]
    comment = await court.house.wendy.comment(scene.number, "/help")
    await court.deliver(f"wendy-{comment}", await court.sent(comment=comment))
    assert await court.notices(scene.number, comment) == ["help"]
