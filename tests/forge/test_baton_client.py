from datetime import UTC, datetime
from pathlib import Path

import pytest
from pydantic import SecretStr

from bot.demo.forge import When
from shared.domain import RepoRef
from shared.errors import NotFound
from shared.github import (
    Annotation,
    AnnotationLevel,
    Check,
    CheckStatus,
    Conclusion,
    GitHub,
    GitHubUrls,
    Label,
    Pace,
    Permission,
    Reaction,
)
from tests.forge.world import REPO, World, pem, private_key

_FIX = {"parcel/weight.py": "def total(weights):\n    return 0\n"}
_REF = RepoRef(owner="alice", name="parcel")


def _baton(world: World) -> GitHub:
    # The client tells tokens' age by the machine's clock.
    world.clock.moment = datetime.now(UTC)
    key = SecretStr(pem(private_key()))
    pace = Pace(write_spacing=0)
    return GitHub.as_app(1, key, GitHubUrls.of_server(world.url), pace=pace)


async def test_baton_talks_to_the_forge(world: World, tmp_path: Path) -> None:
    """Everything that Baton's own client does works against the forge."""
    github = _baton(world)
    alice = await world.person("alice")
    await alice.post(f"{REPO}/issues", json={"title": "One", "body": "Two"})
    sha = await world.branch(tmp_path, "baton/issue-1-one", _FIX)
    repo = await github.repo(_REF)
    assert (await github.identity()).login == "baton[bot]"
    assert (await repo.issue(1)).author == "alice"
    assert await repo.permission("bob") is Permission.WRITE
    assert await repo.permission("nobody") is Permission.NONE
    assert (await repo.default_branch()).name == "main"
    branch = await repo.branch("baton/issue-1-one")
    assert branch
    assert branch.sha == sha
    assert "sum" in (await repo.file("parcel/weight.py", "main") or "")
    await repo.ensure_label(Label(name="type:bug", color="d73a4a", description="A bug"))
    await repo.ensure_label(Label(name="type:bug", color="d73a4a", description="A bug"))
    await repo.add_labels(1, ["type:bug"])
    await repo.remove_label(1, "type:bug")
    status = await repo.upsert_comment(1, "status", "Working")
    await repo.upsert_comment(1, "status", "Done")
    await repo.react(status.id, Reaction.EYES)
    await repo.react_to_issue(1, Reaction.ROCKET)
    assert [comment.author for comment in await repo.comments(1)] == ["baton[bot]"]

    pull = await repo.ensure_pull_request(
        "baton/issue-1-one", "main", "Fix", "Closes #1", closes={1}
    )
    again = await repo.ensure_pull_request(
        "baton/issue-1-one", "main", "Fix", "Closes #1", closes={1}
    )
    assert (pull.number, again.number, pull.draft) == (2, 2, True)
    notes = tuple(
        Annotation(
            path="README.md",
            start_line=1,
            end_line=1,
            annotation_level=AnnotationLevel.NOTICE,
            message=str(number),
        )
        for number in range(60)
    )
    check = Check(
        name="tests",
        head_sha=sha,
        external_id="run-1",
        status=CheckStatus.COMPLETED,
        conclusion=Conclusion.SUCCESS,
        title="Green",
        summary="60 of 60",
        annotations=notes,
    )
    assert (await repo.ensure_check_run(check)).annotations == 60
    assert not (await repo.mark_ready(2)).draft
    remark = {"path": "parcel/weight.py", "line": 2, "body": "Why?"}
    review = {"event": "REQUEST_CHANGES", "body": "No", "comments": [remark]}
    made = (await alice.post(f"{REPO}/pulls/2/reviews", json=review)).json()
    assert (await repo.review(2, made["id"])).body == "No"
    (asked,) = await repo.review_comments(2, made["id"])
    for _ in range(2):
        await repo.reply_to_review_comment(2, asked.id, "answer-1", "Because.")
    assert len((await alice.get(f"{REPO}/pulls/2/comments")).json()) == 2
    with pytest.raises(NotFound):
        await github.repo(RepoRef(owner="mallory", name="parcel"))
    await github.aclose()


async def test_a_lost_answer_is_not_doubled(world: World) -> None:
    """Baton's client, whose POST was done and whose answer was lost, leaves one comment."""
    github = _baton(world)
    alice = await world.person("alice")
    await alice.post(f"{REPO}/issues", json={"title": "One"})
    repo = await github.repo(_REF)
    for number, when in enumerate((When.BEFORE, When.AFTER, When.DROPPED), start=1):
        world.faults.fail("POST", "/comments$", when=when)
        await repo.post_once(1, f"marker-{number}", "Once")
        assert len((await alice.get(f"{REPO}/issues/1/comments")).json()) == number
    await github.aclose()
