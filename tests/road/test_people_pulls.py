"""From the finished change to its end: rules, a base that moves, remarks, checks, removal."""

import json
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from bot.checks import CHECK
from bot.demo import story
from bot.demo.forge import branches
from bot.demo.forge.actors import NOBODY, Actor
from bot.demo.forge.bare import BareRepository
from bot.demo.forge.tables import Delivery
from bot.repair import MOST
from bot.services import services
from shared.domain import Stage
from shared.github import Check, CheckStatus, Conclusion
from shared.github.values import Annotation, AnnotationLevel
from shared.repository import PATH
from tests.road.test_people_kit import Household, open_household, patiently, recording_with
from tests.road.world import REF, plan_for

RULES = """\
triggers:
  labels: [help, baton]
branch_prefix: bots/baton
protected_paths: [series.py]
"""


def _creates(asked: str, path: str) -> list[tuple[str, str]]:
    """Write what the Coder says to something that it is asked: it creates a file."""
    head = 'role = "coder"\nturn = {}\nwhen = ["' + asked + '"]'
    return [
        (head.format(0), f"I write it.\n\n```create {path}\nAs asked.\n```"),
        (head.format(1), f"Done.\n\n```submit\nWrite {path}.\n```"),
    ]


_REPAIR = [
    *_creates("Line 1 is too long", "docs/lines.md"),
    *_creates("Line 2 is too long", "docs/more-lines.md"),
    *_creates("add a page of thanks", "docs/thanks.md"),
]
pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def house(tmp_path_factory: pytest.TempPathFactory, cache: Path) -> AsyncIterator[Household]:
    """One household whose repository has rules of its own."""
    home = tmp_path_factory.mktemp("pulls")
    recording = recording_with(home / "recording", _REPAIR)
    async with open_household(plan_for(home, cache, recording=recording)) as opened:
        await push(opened, "main", {PATH: RULES})
        yield opened


@pytest_asyncio.fixture(autouse=True, loop_scope="module")
async def rest(house: Household) -> AsyncIterator[None]:
    """Leave nothing in flight behind a test."""
    yield
    await house.rest()


async def bare_of(house: Household) -> BareRepository:
    """Return the forge's git repository."""
    async with house.forge.reading(NOBODY) as unit:
        repository = await unit.repository(REF.owner, REF.name)
        assert repository is not None
        return house.forge.bare(repository)


async def push(house: Household, branch: str, files: Mapping[str, str]) -> str:
    """Commit files to a branch as a person would, tell about it, and return the commit."""
    bare = await bare_of(house)
    before = await bare.refs()
    who = {"NAME": "Wendy", "EMAIL": "wendy@example.com"}
    env = {f"GIT_{role}_{key}": who[key] for role in ("AUTHOR", "COMMITTER") for key in who}
    env["GIT_INDEX_FILE"] = str(house.home / "person-index")
    await bare.git("read-tree", branch, env=env)
    for path, text in files.items():
        blob = (await bare.git("hash-object", "-w", "--stdin", stdin=text.encode())).decode()
        entry = f"100644,{blob.strip()},{path}"
        await bare.git("update-index", "--add", "--cacheinfo", entry, env=env)
    tree = (await bare.git("write-tree", env=env)).decode().strip()
    made = await bare.git("commit-tree", tree, "-p", branch, "-m", "By a person", env=env)
    sha = made.decode().strip()
    await bare.git("update-ref", f"refs/heads/{branch}", sha)
    async with house.forge.writing(NOBODY) as unit:
        account = await unit.account("wendy")
    async with house.forge.writing(Actor(account=account)) as unit:
        repository = await unit.repository(REF.owner, REF.name)
        assert repository is not None
        await branches.moved(unit, repository, before, await bare.refs())
    return sha


async def hand_in(house: Household, event: str, guid: str, payload: Mapping[str, Any]) -> None:
    """Let GitHub deliver something that the forge has no button for."""
    full = {
        "repository": {"full_name": str(REF)},
        "sender": {"login": "github-actions[bot]", "type": "Bot"},
        **payload,
    }
    delivery = Delivery(guid=guid, event=event, payload=json.dumps(full))
    assert await house.post(delivery) == 202
    await house.quiet()


async def asked_for_paths(house: Household) -> int:
    """Let the demo's issue be built until its change waits for a yes of its own."""
    text = story.issue_text()
    number = await house.waiting(text.title, text.body)
    assert await house.tell(house.alice, number, "/approve") == {"eyes", "+1"}
    await house.at(number, Stage.AWAITING_PATHS)
    return number


async def test_a_pull_request_and_all_that_may_happen_to_it(house: Household) -> None:
    """One pull request on its way through everything that may happen to it."""
    number = await asked_for_paths(house)
    request = await house.said(number, "May these files be changed?")
    assert "series.py is protected" in request["body"]
    assert await house.alice.call("GET", "/pulls?state=all") == []
    branches = [branch["name"] for branch in await house.alice.call("GET", "/branches")]
    assert branches == ["main"]

    base = await push(house, "main", {"NEWS.md": "Something else.\n"})
    await house.tell(house.wendy, number, "/approve")
    await house.said(number, "no longer holds")
    await house.said(number, "/paths/2`")
    await house.tell(house.wendy, number, "/approve paths")
    run = await house.at(number, Stage.PROPOSED)
    pull = await house.alice.call("GET", f"/pulls/{run.pull_number}")
    assert pull["head"]["ref"].startswith(f"bots/baton/issue-{number}-")
    assert pull["draft"] is False
    head = pull["head"]["sha"]
    bare = await bare_of(house)
    await bare.git("merge-base", "--is-ancestor", base, head)
    log = (await bare.git("log", "--format=%ae", f"{base}..{head}")).decode().split()
    assert log
    assert "wendy@example.com" not in log
    status = await house.said(number, "Baton · Pull request is ready")
    assert "**Tests:** Pytest" in status["body"]
    assert [check["conclusion"] for check in await checks(house, head)] == ["success"]

    await rerequested(house, pull["head"]["ref"], head)
    person = await push(house, pull["head"]["ref"], {"NOTES.md": "By hand.\n"})
    await commented(house, pull["number"], "No rush, but look at README.")
    assert await house.stage(number) is Stage.PROPOSED
    review = story.person_review()
    await commented(house, pull["number"], f"@baton {review.body}")
    await house.said(pull["number"], "Answered with")
    await house.at(number, Stage.PROPOSED)
    answered = (await house.alice.call("GET", f"/pulls/{pull['number']}"))["head"]["sha"]
    parent = (await bare.git("rev-parse", f"{answered}^")).decode().strip()
    assert parent == person

    said = await house.tell(house.wendy, pull["number"], "@baton please add a page of thanks")
    assert said == {"eyes", "+1"}
    await house.said(pull["number"], "Write docs/thanks.md.")
    await house.at(number, Stage.PROPOSED)
    thanked = await head_of(house, pull["number"])
    assert (await bare.git("rev-parse", f"{thanked}^")).decode().strip() == answered

    await repaired_within_bounds(house, number, pull["number"], pull["head"]["ref"])
    await house.alice.call("PATCH", f"/pulls/{pull['number']}", {"state": "closed"})
    await house.quiet()
    assert await house.stage(number) is Stage.CLOSED
    branches = [branch["name"] for branch in await house.alice.call("GET", "/branches")]
    assert pull["head"]["ref"] in branches


async def head_of(house: Household, pull: int) -> str:
    """Return the newest commit of a pull request."""
    return str((await house.alice.call("GET", f"/pulls/{pull}"))["head"]["sha"])


async def repaired_within_bounds(house: Household, number: int, pull: int, branch: str) -> None:
    """Let a check of others fail on each new head: two are mended, once each, the third is told."""
    bare = await bare_of(house)
    for n in range(1, MOST + 1):
        before = await head_of(house, pull)
        await failing_ci(house, branch, before, n)
        mended = await changed_from(house, pull, before)
        await house.said(pull, f"Answered the failing checks (lint) with {mended}")
        await house.at(number, Stage.PROPOSED)
        assert (await bare.git("rev-parse", f"{mended}^")).decode().strip() == before
    left = await head_of(house, pull)
    await failing_ci(house, branch, left, MOST + 1)
    told = await house.said(pull, "checks fail on this branch again")
    assert f"has tried {MOST} times" in told["body"]
    assert await head_of(house, pull) == left
    bodies = [comment["body"] for comment in await house.alice.comments(pull)]
    assert sum("<!-- baton:repair " in body for body in bodies) == MOST + 1


async def changed_from(house: Household, pull: int, before: str) -> str:
    """Wait until a pull request has another head, and return it."""

    async def has_moved() -> bool:
        return await head_of(house, pull) != before

    await patiently(has_moved)
    return await head_of(house, pull)


async def checks(house: Household, sha: str) -> list[dict[str, Any]]:
    """Return the check runs of a commit."""
    found: list[dict[str, Any]] = (await house.alice.call("GET", f"/commits/{sha}/check-runs"))[
        "check_runs"
    ]
    return found


async def rerequested(house: Household, branch: str, sha: str) -> None:
    """Turn Baton's check red, ask for it again, by itself and with all, and see it green again."""
    (check,) = await checks(house, sha)
    assert check["name"] == CHECK
    await set_red(CHECK, check["external_id"], sha)
    assert (await checks(house, sha))[0]["conclusion"] == "failure"
    await house.alice.call("POST", f"/check-runs/{check['id']}/rerequest")

    async def is_green() -> bool:
        return {check["conclusion"] for check in await checks(house, sha)} == {"success"}

    await patiently(is_green)
    await set_red(CHECK, check["external_id"], sha)
    suite = {**_SUITE, "head_branch": branch, "head_sha": sha}
    app = {"id": house.settings.app_id, "slug": "baton"}
    for sender, guid in ((_MALLORY, "all-1"), (_ALICE, "all-2")):
        event = {"action": "rerequested", "check_suite": {**suite, "app": app}, "sender": sender}
        await hand_in(house, "check_suite", guid, event)
    await patiently(is_green)


async def set_red(name: str, external_id: str, sha: str, n: int = 1) -> None:
    """Let a check on a commit fail."""
    mark = Annotation(
        path="README.md",
        start_line=3,
        end_line=3,
        annotation_level=AnnotationLevel.FAILURE,
        message=f"Line {n} is too long.",
    )
    await (await services().repo(REF)).ensure_check_run(
        Check(
            name=name,
            head_sha=sha,
            external_id=external_id,
            status=CheckStatus.COMPLETED,
            conclusion=Conclusion.FAILURE,
            title="1 problem",
            summary="See the annotation.",
            annotations=(mark,),
        )
    )


async def commented(house: Household, pull: int, body: str) -> None:
    """Hand in a review that only comments."""
    await house.wendy.call("POST", f"/pulls/{pull}/reviews", {"event": "COMMENT", "body": body})
    await house.quiet()


async def failing_ci(house: Household, branch: str, sha: str, n: int) -> None:
    """Let another App's check fail on a commit, told twice as GitHub may."""
    await set_red("lint", "of others", sha, n)
    suite = {**_SUITE, "head_branch": branch, "head_sha": sha}
    for time in (1, 2):
        event = {"action": "completed", "check_suite": suite}
        await hand_in(house, "check_suite", f"ci-{n}-{time}", event)


async def test_a_base_that_conflicts_leaves_the_draft_to_people(house: Household) -> None:
    """Where both sides changed a file, the draft stays and the run says what to do."""
    number = await asked_for_paths(house)
    theirs = (story.REPOSITORY / "src/fortnight/series.py").read_text("utf-8")
    changed = "\n".join(f"{line}  # theirs" if line else "" for line in theirs.splitlines())
    await push(house, "main", {"src/fortnight/series.py": changed})
    await house.tell(house.wendy, number, "/approve")
    await house.said(number, "/paths/2`")
    await house.tell(house.wendy, number, "/approve")
    run = await house.ended(number)
    assert "no longer fits" in run.reason
    pull = await house.alice.call("GET", f"/pulls/{run.pull_number}")
    assert (pull["state"], pull["draft"]) == ("open", True)
    told = await house.said(number, "**Stopped.**")
    assert "src/fortnight/series.py" in told["body"]
    assert "`/retry`" in told["body"]


async def test_a_label_of_the_repository_starts_and_its_removal_cancels(house: Household) -> None:
    """The labels of the configuration start a run; taking one off ends it."""
    number = await house.issue("With a label of theirs", labels=["help"])
    await house.at(number, Stage.AWAITING_PLANNER)
    await house.alice.call("DELETE", f"/issues/{number}/labels/help")
    run = await house.ended(number, Stage.CANCELLED)
    assert run.reason == "alice took the label help off."


async def test_rules_that_cannot_be_read_are_told_once_and_replaced_by_care(
    house: Household,
) -> None:
    """Nothing starts by itself; whoever starts a run learns the line and the mend."""
    await push(house, "main", {PATH: "language: ko\ntrigers: [x]\n"})
    number = await house.issue("Not by itself")
    await house.quiet()
    assert await house.stage(number) is None
    await house.alice.call("POST", f"/issues/{number}/labels", {"labels": ["baton"]})
    await house.at(number, Stage.AWAITING_PLANNER)
    told = await house.said(number, "rules ")
    assert "2" in told["body"]
    assert "triggers" in told["body"]
    await push(house, "main", {PATH: RULES})


async def test_a_repository_that_is_taken_away_ends_its_runs(house: Household) -> None:
    """Baton lets go of what it may not see any more; other repositories' runs go on."""
    number = await house.waiting("Taken away")
    event = {"action": "removed", "installation": {"id": 1}}
    other = {**event, "repositories_removed": [{"full_name": f"{REF}-other"}]}
    await hand_in(house, "installation_repositories", "away-1", other | {"sender": _ALICE})
    assert await house.stage(number) is Stage.AWAITING_PLANNER
    this = {**event, "repositories_removed": [{"full_name": str(REF)}]}
    await hand_in(house, "installation_repositories", "away-2", this | {"sender": _ALICE})
    assert await house.stage(number) is Stage.CLOSED


_ALICE = {"login": "alice", "type": "User"}
_MALLORY = {"login": "mallory", "type": "User"}
_SUITE = {"id": 77, "conclusion": "failure", "app": {"id": 15368, "slug": "github-actions"}}
