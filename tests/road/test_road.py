import re

from bot.demo import story
from shared.domain import Stage
from tests.road.world import World


async def open_issue(world: World) -> int:
    """Open the demo's issue."""
    text = story.issue_text()
    return await world.alice.open_issue(text.title, text.body)


async def test_an_issue_becomes_a_pull_request_with_its_proof(world: World) -> None:
    """After one yes there is one ready pull request: red and green shown, the issue linked."""
    number = await open_issue(world)
    await world.at(number, Stage.AWAITING_PLANNER)
    await world.alice.comment(number, "/approve")
    run = await world.at(number, Stage.PROPOSED)
    pull = await world.alice.call("GET", f"/pulls/{run.pull_number}")
    assert pull["draft"] is False
    assert pull["head"]["ref"].startswith(f"baton/issue-{number}-")
    assert f"Closes #{number}" in pull["body"]
    assert "recording" in pull["body"]
    assert re.search(r"\d+ failed", pull["body"])
    assert re.search(r"\d+ passed", pull["body"])
    pulls = await world.alice.call("GET", "/pulls?state=all")
    assert [p["number"] for p in pulls] == [run.pull_number]


async def test_the_issue_tells_the_whole_story_once(world: World) -> None:
    """Status, request, blueprint and result are one comment each, however often edited."""
    number = await open_issue(world)
    await world.at(number, Stage.AWAITING_PLANNER)
    await world.alice.comment(number, "/approve planner")
    await world.at(number, Stage.PROPOSED)
    await world.said(number, "Done")
    bodies = await world.bodies(number)
    markers = re.findall(r"<!-- baton:(\w+)", "\n".join(bodies))
    assert sorted(markers) == ["approval", "blueprint", "finished", "status"]
    assert {"type:bug", "difficulty:medium", "baton:proposed"} <= await world.labels(number)


async def test_a_review_that_asks_for_changes_is_answered(world: World) -> None:
    """New commits come on the same branch, each remark has its answer, and the run waits again."""
    number = await open_issue(world)
    await world.at(number, Stage.AWAITING_PLANNER)
    await world.alice.comment(number, "/approve")
    run = await world.at(number, Stage.PROPOSED)
    assert run.pull_number is not None
    before = await world.alice.call("GET", f"/pulls/{run.pull_number}")
    await world.alice.review(run.pull_number, story.person_review())
    told = await world.said(run.pull_number, "Answered with")
    await world.at(number, Stage.PROPOSED)
    after = await world.alice.call("GET", f"/pulls/{run.pull_number}")
    assert after["head"]["sha"] != before["head"]["sha"]
    assert after["head"]["sha"] in told["body"]
    remarks = await world.alice.call("GET", f"/pulls/{run.pull_number}/comments")
    answers = [r for r in remarks if r.get("in_reply_to_id")]
    assert [a["user"]["login"] for a in answers] == ["baton[bot]"]
