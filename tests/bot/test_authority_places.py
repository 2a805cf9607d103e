"""Where a yes counts: on its issue, in its repository, in its installation of the App."""

import pytest
from sqlalchemy import select

from bot.demo.forge.actors import NOBODY
from bot.demo.forge.config import Level
from bot.demo.forge.tables import InstallationToken
from bot.services import services
from shared.domain import RepoRef
from shared.github.permissions import union
from shared.store import ApprovalState
from tests.bot.authority import ABROAD, ELSEWHERE, Court, say
from tests.road.world import REF

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.usefixtures("begin")]
PENDING, APPROVED = ApprovalState.PENDING, ApprovalState.APPROVED
DONE, PUZZLED, UNHEARD = {"eyes", "+1"}, {"eyes", "confused"}, set[str]()


async def test_a_yes_on_another_issue_is_none_here(court: Court) -> None:
    """Each run hears its own issue; an issue without a run has nothing to approve."""
    scene, other, empty = [await court.scene(kind) for kind in ("planner", "planner", "none")]
    said = await say(court, other.number)
    lost = await say(court, empty.number)
    assert await court.reactions(court.house.alice, said) == DONE
    assert await court.notices(empty.number, lost) == ["no_run"]
    assert (await scene.asked(), await other.asked()) == ([PENDING], [APPROVED])


async def test_a_yes_in_another_repository_is_none_here(court: Court) -> None:
    """The same number in a repository where the same person may write moves nothing here."""
    await court.allow("mallory", Level.READ)
    scene = await court.scene("planner")
    number = 0
    while number < scene.number:
        number = await court.other.open_issue("Elsewhere", "The same number.")
    comment = await court.other.comment(number, "/approve")
    await court.deliver(f"elsewhere-{comment}", await court.sent(comment=comment))
    assert await court.reactions(court.other, comment) == PUZZLED
    assert await scene.asked() == [PENDING]


@pytest.mark.parametrize("ref", [ELSEWHERE, ABROAD], ids=["repository", "installation"])
async def test_runs_of_two_repositories_share_nothing(court: Court, ref: RepoRef) -> None:
    """Of two runs of one number each hears its own repository, also in another installation."""
    await court.allow("mallory", Level.READ)
    client = {ELSEWHERE: court.other, ABROAD: court.abroad}[ref]
    here = await court.scene("planner")
    number = 0
    while number < here.number:
        number = await client.open_issue("There", "The same number.")
    there = await court.scene_in(ref, number)
    comment = await client.comment(number, "/approve")
    await court.deliver(f"there-{comment}", await court.sent(comment=comment))
    assert await court.reactions(client, comment) == DONE
    assert (await here.asked(), await there.asked()) == ([PENDING], [APPROVED])
    places = services().places
    folders = {
        find(one, number)
        for one in (REF, ref)
        for find in (places.papers, lambda one, _: places.mirror(one))
    }
    assert len(folders) == 4


async def test_every_token_is_for_one_repository_with_the_least_permissions(court: Court) -> None:
    """What Baton was given for the repositories that it has met opens one of them each."""
    for ref in (REF, ELSEWHERE, ABROAD):
        await (await services().repo(ref)).issue(1)
    async with court.house.forge.reading(NOBODY) as unit:
        tokens = (await unit.session.scalars(select(InstallationToken))).all()
        assert {len(token.repository_ids or ()) for token in tokens} == {1}
        assert len({tuple(token.repository_ids or ()) for token in tokens}) == 3
        assert len({token.installation_id for token in tokens}) == 2
        least = union()
        for token in tokens:
            assert token.permissions.items() <= least.items()


async def test_a_comment_of_another_repository_cannot_be_passed_off(court: Court) -> None:
    """A delivery that names a repository where the comment is not is heard nowhere."""
    scene = await court.scene("planner")
    number = await court.other.open_issue("Elsewhere", "Another.")
    comment = await court.other.comment(number, "/approve")
    payload = await court.sent(comment=comment)
    payload["repository"] |= {"full_name": str(REF)}
    payload["issue"] |= {"number": scene.number}
    await court.deliver(f"forged-{comment}", payload)
    assert await court.reactions(court.other, comment) == UNHEARD
    assert await scene.asked() == [PENDING]
