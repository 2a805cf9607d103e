from pathlib import Path

from tests.forge.world import REPO, World

_FIX = {"parcel/weight.py": "def total(weights):\n    return max(weights, default=0)\n"}


async def test_an_issue_becomes_a_merged_pull_request(world: World, tmp_path: Path) -> None:
    """Issue, push, draft, check, review, answer, ready and merge work, and close the issue."""
    alice, bot = await world.person("alice"), await world.bot()
    issue = await alice.post(f"{REPO}/issues", json={"title": "Empty fails", "body": "See."})
    assert issue.json()["number"] == 1
    sha = await world.branch(tmp_path, "fix", _FIX)
    wanted = {"title": "Fix", "head": "fix", "base": "main", "draft": True, "body": "Closes #1"}
    pull = (await bot.post(f"{REPO}/pulls", json=wanted)).json()
    assert (pull["number"], pull["draft"], pull["head"]["sha"]) == (2, True, sha)
    output = {"title": "Red, then green", "summary": "1 of 1"}
    run = {"name": "tests", "head_sha": sha, "conclusion": "success", "output": output}
    assert (await bot.post(f"{REPO}/check-runs", json=run)).status_code == 201

    remark = {"path": "parcel/weight.py", "line": 2, "body": "Why max?"}
    review = {"event": "REQUEST_CHANGES", "body": "Not yet.", "comments": [remark]}
    assert (await alice.post(f"{REPO}/pulls/2/reviews", json=review)).status_code == 200
    answer = await bot.post(f"{REPO}/pulls/2/comments/1/replies", json={"body": "Indeed."})
    assert answer.json()["in_reply_to_id"] == 1

    assert (await alice.put(f"{REPO}/pulls/2/merge")).status_code == 405
    ready = (
        "mutation($id: ID!) { markPullRequestReadyForReview(input: {pullRequestId: $id}) "
        "{ pullRequest { isDraft } } }"
    )
    question = {"query": ready, "variables": {"id": pull["node_id"]}}
    answered = (await bot.post(f"{world.url}/api/graphql", json=question)).json()
    assert answered["data"]["markPullRequestReadyForReview"]["pullRequest"] == {"isDraft": False}
    merged = (await alice.put(f"{REPO}/pulls/2/merge")).json()

    assert (await alice.get(f"{REPO}/issues/1")).json()["state"] == "closed"
    assert (await alice.get(f"{REPO}/branches/main")).json()["commit"]["sha"] == merged["sha"]
    assert (await alice.get(f"{REPO}/pulls/2")).json()["merged_by"]["login"] == "alice"
    assert await world.events() == [
        "ping",
        "installation.created",
        "installation.created",
        "issues.opened",
        "push",
        "pull_request.opened",
        "check_run.created",
        "check_run.completed",
        "pull_request_review.submitted",
        "pull_request_review_comment.created",
        "pull_request_review.submitted",
        "pull_request_review_comment.created",
        "pull_request.ready_for_review",
        "pull_request.closed",
        "push",
        "issues.closed",
    ]


async def test_everything_that_can_be_read_is_as_github_describes_it(
    world: World, tmp_path: Path
) -> None:
    """Every operation that reads answers 200 in the described form (checked by the fixture)."""
    alice, bot, app = await world.person("alice"), await world.bot(), await world.app()
    await world.branch(tmp_path, "fix", _FIX | {"new.txt": "a\n", "parcel/__init__.py": "x\n"})
    await alice.post(f"{REPO}/issues", json={"title": "One", "labels": ["bug", "of mine"]})
    await bot.post(f"{REPO}/pulls", json={"title": "Fix", "head": "fix", "base": "main"})
    comment = await bot.post(f"{REPO}/issues/1/comments", json={"body": "Hello"})
    assert comment.json()["user"]["login"] == "baton[bot]"
    remark = {"path": "parcel/weight.py", "line": 2, "body": "Why?"}
    await alice.post(f"{REPO}/pulls/2/reviews", json={"event": "COMMENT", "comments": [remark]})
    note = {"path": "new.txt", "start_line": 1, "end_line": 1, "annotation_level": "notice"}
    output = {"title": "t", "summary": "s", "annotations": [note | {"message": "m"}]}
    run = {"name": "tests", "head_sha": (await _head(world)), "output": output}
    await bot.post(f"{REPO}/check-runs", json=run)
    for subject in ("issues/1", "issues/comments/1", "pulls/comments/1"):
        await bot.post(f"{REPO}/{subject}/reactions", json={"content": "eyes"})
    await world.hookshot.settle()
    for path in _READABLE:
        answer = await bot.get(REPO + path)
        assert answer.status_code == 200, f"{path}: {answer.text}"
    for path in ("/app", "/app/installations", "/app/installations/1", "/app/hook/deliveries"):
        assert (await app.get(path)).status_code == 200
    assert (await app.get("/app/hook/deliveries/1")).status_code == 200
    for path in (f"{REPO}/installation", "/users/alice/installation"):
        assert (await app.get(path)).json()["id"] == 1
    for path in ("/users/alice", "/users/baton[bot]", "/installation/repositories", "/rate_limit"):
        assert (await bot.get(path)).status_code == 200
    assert (await alice.get("/user")).json()["login"] == "alice"


async def _head(world: World) -> str:
    bot = await world.bot()
    sha: str = (await bot.get(f"{REPO}/git/ref/heads/fix")).json()["object"]["sha"]
    return sha


_READABLE = (
    "",
    "/branches",
    "/branches/fix",
    "/check-runs/1",
    "/check-runs/1/annotations",
    "/check-suites/1",
    "/collaborators/bob/permission",
    "/commits",
    "/commits/fix",
    "/commits/fix/check-runs",
    "/commits/fix/check-suites",
    "/commits/main",
    "/compare/main...fix",
    "/contents/",
    "/contents/parcel",
    "/contents/parcel/weight.py?ref=fix",
    "/git/matching-refs/heads/f",
    "/git/ref/heads/fix",
    "/issues?state=all&labels=bug&sort=updated&direction=asc",
    "/issues/1",
    "/issues/1/comments",
    "/issues/1/labels",
    "/issues/1/reactions",
    "/issues/2",
    "/issues/comments",
    "/issues/comments/1",
    "/issues/comments/1/reactions",
    "/labels",
    "/labels/of mine",
    "/pulls?head=alice:fix&base=main&state=all",
    "/pulls/2",
    "/pulls/2/comments",
    "/pulls/2/commits",
    "/pulls/2/files",
    "/pulls/2/reviews",
    "/pulls/2/reviews/1",
    "/pulls/2/reviews/1/comments",
    "/pulls/comments/1",
    "/pulls/comments/1/reactions",
    "/readme",
)
