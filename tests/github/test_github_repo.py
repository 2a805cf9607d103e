from datetime import UTC, datetime, timedelta

import pytest

from bot.demo.forge import When
from shared.errors import GitHubUnavailable, NotFound
from shared.github import (
    GitHub,
    Label,
    Pace,
    Permission,
    Reaction,
)
from shared.github.limits import BODY
from tests.github.conftest import ALICE, BOB, BRANCH, REF, Hub, check, comments

LOST = [(When.AFTER, 502), (When.DROPPED, 200), (When.BEFORE, 503)]
"""How an answer gets lost: done and 502, done and hung up, not done at all."""


async def test_identity_is_the_bots(hub: Hub) -> None:
    """Baton knows its own login, and the address that GitHub credits commits by."""
    me = await hub.github.identity()
    assert me.login == me.name == "baton[bot]"
    assert me.email == f"{me.id}+baton[bot]@users.noreply.127.0.0.1"
    assert await hub.repo.identity() == me


async def test_issue_is_read(hub: Hub, issue: int) -> None:
    """An issue comes with its text, author, labels and state."""
    await hub.as_person(ALICE, "POST", f"/issues/{issue}/labels", labels=["bug"])
    read = await hub.repo.issue(issue)
    assert (read.repo, read.number, read.title, read.author) == (REF, issue, "It crashes", "bob")
    assert (read.body, read.labels, read.is_open) == ("On empty input.", ("bug",), True)
    await hub.as_person(ALICE, "PATCH", f"/issues/{issue}", state="closed")
    assert not (await hub.repo.issue(issue)).is_open
    with pytest.raises(NotFound, match="/issues/99"):
        await hub.repo.issue(99)


async def test_branches_and_files(hub: Hub) -> None:
    """Branches and files are read at a ref; what is not there is None."""
    main = await hub.repo.default_branch()
    assert main.name == "main"
    sha = await hub.push(text="né ✓\n")
    assert (await hub.repo.branch(BRANCH)) is not None
    branch = await hub.repo.branch(BRANCH)
    assert branch is not None
    assert branch.sha == sha
    assert await hub.repo.branch("no/such/branch") is None
    assert await hub.repo.file("fix.txt", BRANCH) == "né ✓\n"
    assert await hub.repo.file("fix.txt", sha) == "né ✓\n"
    assert await hub.repo.file("fix.txt", "main") is None
    assert await hub.repo.file(".github/baton.yml", "main") is None


async def test_permissions_by_role(hub: Hub) -> None:
    """Each role is told apart; strangers of a public repository read, unknown people do nothing."""
    for level in Permission:
        expected = max(level, Permission.READ)  # the repository is public
        assert await hub.repo.permission(f"p-{level.name.lower()}") is expected
    assert await hub.repo.permission("alice") is Permission.ADMIN
    assert await hub.repo.permission("nobody-of-that-name") is Permission.NONE


async def test_labels(hub: Hub, issue: int) -> None:
    """Labels are created once, never repainted, added beside others and taken off quietly."""
    wanted = Label(name="baton:working", color="1d76db", description="Baton is at work")
    await hub.repo.ensure_label(wanted)
    await hub.repo.ensure_label(wanted.model_copy(update={"color": "000000"}))
    made = await hub.as_person(ALICE, "GET", "/labels/baton:working")
    assert (made["color"], made["description"]) == ("1d76db", "Baton is at work")
    await hub.as_person(ALICE, "POST", f"/issues/{issue}/labels", labels=["bug"])
    await hub.repo.add_labels(issue, ["baton:working"])
    await hub.repo.add_labels(issue, [])
    assert set((await hub.repo.issue(issue)).labels) == {"bug", "baton:working"}
    await hub.repo.remove_label(issue, "baton:working")
    await hub.repo.remove_label(issue, "baton:working")
    assert (await hub.repo.issue(issue)).labels == ("bug",)


async def test_status_comment_is_edited_in_place(hub: Hub, issue: int) -> None:
    """However often the status changes, also after a restart, there is one comment."""
    first = await hub.repo.upsert_comment(issue, "status 1", "Triage")
    second = await hub.repo.upsert_comment(issue, "status 1", "Coding")
    restarted = GitHub.as_app(1, hub.key, hub.github.urls, pace=Pace(write_spacing=0))
    third = await (await restarted.repo(REF)).upsert_comment(issue, "status 1", "Done")
    await restarted.aclose()
    assert first.id == second.id == third.id
    assert await comments(hub, issue) == ["<!-- baton:status 1 -->\nDone"]
    assert (await hub.repo.comment(first.id)).author == "baton[bot]"


async def test_unchanged_status_costs_nothing(hub: Hub, issue: int) -> None:
    """The same text again is no request at all."""
    await hub.repo.upsert_comment(issue, "status 1", "Triage")
    hub.faults.fail("GET", ".*", times=99)
    hub.faults.fail("PATCH", ".*", times=99)
    await hub.repo.upsert_comment(issue, "status 1", "Triage")
    assert hub.naps == []


async def test_deleted_status_comes_back(hub: Hub, issue: int) -> None:
    """When a person deletes the status comment the next change is seen in a new one."""
    first = await hub.repo.upsert_comment(issue, "status 1", "Triage")
    await hub.as_person(ALICE, "DELETE", f"/issues/comments/{first.id}")
    await hub.repo.upsert_comment(issue, "status 1", "Coding")
    assert await comments(hub, issue) == ["<!-- baton:status 1 -->\nCoding"]


async def test_other_peoples_markers_are_not_ours(hub: Hub, issue: int) -> None:
    """Somebody who copies the hidden marker can neither stop nor take over the comment."""
    fake = "<!-- baton:status 1 -->\nall is well"
    await hub.as_person(BOB, "POST", f"/issues/{issue}/comments", body=fake)
    await hub.repo.upsert_comment(issue, "status 1", "Triage")
    assert await comments(hub, issue) == [fake, "<!-- baton:status 1 -->\nTriage"]


async def test_posting_once_never_edits(hub: Hub, issue: int) -> None:
    """A notice is posted once; asked again with other words, the first stays."""
    first = await hub.repo.post_once(issue, "approval 1", "Please approve")
    again = await hub.repo.post_once(issue, "approval 1", "Other words")
    assert first == again
    await hub.repo.post_once(issue, "approval 2", "Next")
    assert len(await comments(hub, issue)) == 2


@pytest.mark.parametrize(("when", "status"), LOST)
async def test_lost_answers_do_not_double_comments(
    hub: Hub, issue: int, when: When, status: int
) -> None:
    """However the answer to a comment got lost, in the end it stands there once."""
    hub.faults.fail("POST", r"/comments$", status=status, when=when)
    comment = await hub.repo.post_once(issue, "n 1", "once")
    assert await comments(hub, issue) == ["<!-- baton:n 1 -->\nonce"]
    assert comment.body == "<!-- baton:n 1 -->\nonce"


async def test_two_lost_answers_in_a_row(hub: Hub, issue: int) -> None:
    """A comment that first failed and then lost its answer is there once."""
    hub.faults.fail("POST", r"/comments$", status=502, when=When.BEFORE)
    hub.faults.fail("POST", r"/comments$", status=502, when=When.AFTER)
    await hub.repo.post_once(issue, "n 1", "once")
    assert len(await comments(hub, issue)) == 1


async def test_failure_that_stays_leaves_nothing(hub: Hub, issue: int) -> None:
    """A GitHub that fails all the time is an error, after a bounded number of attempts."""
    hub.faults.fail("POST", r"/comments$", status=502, times=99)
    with pytest.raises(GitHubUnavailable):
        await hub.repo.post_once(issue, "n 1", "once")
    assert await comments(hub, issue) == []


async def test_long_comments_are_cut(hub: Hub, issue: int) -> None:
    """A text beyond GitHub's limit is posted shortened, marker and notice in place."""
    await hub.repo.post_once(issue, "log", "```\n" + "boom\n" * 30_000)
    (body,) = await comments(hub, issue)
    assert len(body) <= BODY
    assert body.startswith("<!-- baton:log -->\n```\nboom")
    assert "```\n\n_Cut here" in body


async def test_comments_are_all_read(hub: Hub, issue: int) -> None:
    """More than a page of comments is read whole; `since` leaves out the older ones."""
    for number in range(101):
        await hub.as_person(BOB, "POST", f"/issues/{issue}/comments", body=f"c{number}")
    comments = await hub.repo.comments(issue)
    assert [comment.body for comment in comments] == [f"c{n}" for n in range(101)]
    assert await hub.repo.comments(issue, datetime.now(UTC) + timedelta(hours=1)) == ()
    assert len(await hub.repo.comments(issue, datetime.now(UTC) - timedelta(hours=1))) == 101


async def test_reactions(hub: Hub, issue: int) -> None:
    """A reaction is left once however often it is asked for."""
    made = await hub.as_person(BOB, "POST", f"/issues/{issue}/comments", body="/approve")
    for _ in range(2):
        await hub.repo.react(made["id"], Reaction.THUMBS_UP)
        await hub.repo.react_to_issue(issue, Reaction.EYES)
    on_comment = await hub.as_person(BOB, "GET", f"/issues/comments/{made['id']}/reactions")
    on_issue = await hub.as_person(BOB, "GET", f"/issues/{issue}/reactions")
    assert [one["content"] for one in on_comment] == ["+1"]
    assert [one["content"] for one in on_issue] == ["eyes"]


@pytest.mark.parametrize(("when", "status"), LOST)
async def test_one_pull_request(hub: Hub, when: When, status: int) -> None:
    """However the answer got lost, a branch has one pull request, found by its branch."""
    sha = await hub.push()
    assert await hub.repo.pull_for_branch(BRANCH) is None
    hub.faults.fail("POST", r"/pulls$", status=status, when=when)
    pull = await hub.repo.ensure_pull_request(BRANCH, "main", "Fix\nit", "Closes #1", closes={1})
    again = await hub.repo.ensure_pull_request(BRANCH, "main", "Other", "Other")
    assert pull == again == await hub.repo.pull(pull.number)
    assert (pull.title, pull.draft, pull.is_open) == ("Fix it", True, True)
    assert (pull.head, pull.head_sha, pull.base) == (BRANCH, sha, "main")
    assert pull.author == "baton[bot]"
    assert len(await hub.as_person(ALICE, "GET", "/pulls?state=all")) == 1


async def test_pull_request_is_updated_and_made_ready(hub: Hub) -> None:
    """Title and body change; a draft is made ready, twice without harm."""
    await hub.push()
    number = (await hub.repo.ensure_pull_request(BRANCH, "main", "Fix", "b")).number
    updated = await hub.repo.update_pull(number, body="c" * 70_000)
    assert updated.title == "Fix"
    assert len(updated.body) <= BODY
    assert (await hub.repo.update_pull(number, title="Fixed")).title == "Fixed"
    for _ in range(2):
        assert not (await hub.repo.mark_ready(number)).draft
        assert not (await hub.repo.pull(number)).draft


@pytest.mark.parametrize(("when", "status"), LOST)
async def test_ready_although_the_answer_was_lost(hub: Hub, when: When, status: int) -> None:
    """A lost answer to the GraphQL mutation changes nothing about the outcome."""
    await hub.push()
    number = (await hub.repo.ensure_pull_request(BRANCH, "main", "Fix", "b")).number
    hub.faults.fail("POST", "graphql", status=status, when=when)
    assert not (await hub.repo.mark_ready(number)).draft
    assert not (await hub.repo.pull(number)).draft


async def test_closed_pull_request_is_told(hub: Hub) -> None:
    """A closed or merged pull request is found as such, not opened a second time."""
    await hub.push()
    number = (await hub.repo.ensure_pull_request(BRANCH, "main", "Fix", "b", draft=False)).number
    await hub.as_person(ALICE, "PUT", f"/pulls/{number}/merge")
    pull = await hub.repo.ensure_pull_request(BRANCH, "main", "Fix", "b")
    assert (pull.number, pull.is_open, pull.merged) == (number, False, True)


@pytest.mark.parametrize(("when", "status"), LOST)
async def test_review_and_answers(hub: Hub, when: When, status: int) -> None:
    """A review is read with its remarks; each is answered once, in its thread."""
    await hub.push()
    number = (await hub.repo.ensure_pull_request(BRANCH, "main", "Fix", "b", draft=False)).number
    made = await hub.as_person(
        ALICE,
        "POST",
        f"/pulls/{number}/reviews",
        event="REQUEST_CHANGES",
        body="Not yet",
        comments=[{"path": "fix.txt", "line": 1, "side": "RIGHT", "body": "Why?"}],
    )
    review = await hub.repo.review(number, made["id"])
    assert (review.state, review.body, review.author) == ("changes_requested", "Not yet", "alice")
    (remark,) = await hub.repo.review_comments(number, review.id)
    assert (remark.path, remark.line, remark.body) == ("fix.txt", 1, "Why?")
    hub.faults.fail("POST", "/replies$", status=status, when=when)
    answer = await hub.repo.reply_to_review_comment(number, remark.id, "answer 1", "Because.")
    assert answer.thread == remark.id
    again = await hub.repo.reply_to_review_comment(number, answer.id, "answer 1", "Because!")
    assert again.id == answer.id
    assert len(await hub.as_person(ALICE, "GET", f"/pulls/{number}/comments")) == 2


@pytest.mark.parametrize(("when", "status"), LOST)
async def test_check_run_is_one_with_all_annotations(hub: Hub, when: When, status: int) -> None:
    """A check run is found by its external id and ends with each annotation once."""
    sha = await hub.push()
    hub.faults.fail("POST", "/check-runs$", status=status, when=when)
    started = await hub.repo.ensure_check_run(check(sha, done=False))
    hub.faults.fail("PATCH", "/check-runs/", status=status, when=when)
    ended = await hub.repo.ensure_check_run(check(sha, 120))
    again = await hub.repo.ensure_check_run(check(sha, 120))
    assert started.id == ended.id == again.id
    assert (started.status, started.conclusion) == ("in_progress", None)
    assert (ended.status, ended.conclusion, ended.annotations) == ("completed", "success", 120)
    assert again.annotations == 120
    noted = await hub.as_person(ALICE, "GET", f"/check-runs/{ended.id}/annotations?per_page=100")
    assert len({one["message"] for one in noted}) == 100
    runs = await hub.as_person(ALICE, "GET", f"/commits/{sha}/check-runs?filter=all")
    assert runs["total_count"] == 1


@pytest.mark.parametrize(("when", "status"), LOST)
async def test_lost_annotations_are_counted_again(hub: Hub, when: When, status: int) -> None:
    """Annotations are only ever added, so a lost answer is followed by a count."""
    sha = await hub.push()
    assert (await hub.repo.ensure_check_run(check(sha, 50))).annotations == 50
    hub.faults.fail("PATCH", "/check-runs/", status=status, when=when)
    run = await hub.repo.ensure_check_run(check(sha, 90))
    assert run.annotations == 90
    noted = await hub.as_person(ALICE, "GET", f"/check-runs/{run.id}/annotations?per_page=100")
    assert sorted(one["message"] for one in noted) == sorted(f"n{n}" for n in range(90))
