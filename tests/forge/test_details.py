import base64
from pathlib import Path
from typing import Any

import httpx

from tests.forge.world import REPO, World

_FIX = {"parcel/weight.py": "def total(weights):\n    return 0\n"}


async def test_lists_come_in_pages(world: World) -> None:
    """Link headers lead through all comments, once each, in order."""
    alice = await world.person("alice")
    await alice.post(f"{REPO}/issues", json={"title": "One"})
    for number in range(7):
        await alice.post(f"{REPO}/issues/1/comments", json={"body": str(number)})
    answer = await alice.get(f"{REPO}/issues/1/comments?per_page=3")
    assert set(answer.links) == {"next", "last"}
    seen = [comment["body"] for comment in answer.json()]
    while "next" in answer.links:
        answer = await alice.get(answer.links["next"]["url"])
        seen += [comment["body"] for comment in answer.json()]
    assert seen == [str(number) for number in range(7)]
    assert set(answer.links) == {"first", "prev"}


async def test_since_finds_what_changed(world: World) -> None:
    """Comments are found by the time of their last edit, over all issues."""
    alice = await world.person("alice")
    for number in (1, 2):
        await alice.post(f"{REPO}/issues", json={"title": str(number)})
        await alice.post(f"{REPO}/issues/{number}/comments", json={"body": "old"})
    world.clock.forward(minutes=5)
    await alice.patch(f"{REPO}/issues/comments/1", json={"body": "new"})
    for path in ("/issues/comments", "/issues/1/comments"):
        found = (await alice.get(f"{REPO}{path}?since=2026-11-21T09:05:00Z")).json()
        assert [comment["body"] for comment in found] == ["new"]


async def test_a_reaction_counts_once(world: World) -> None:
    """The first is 201, the same again 200; it is counted, listed and taken back."""
    alice, bot = await world.person("alice"), await world.bot()
    await alice.post(f"{REPO}/issues", json={"title": "One"})
    path = f"{REPO}/issues/1/reactions"
    first = await bot.post(path, json={"content": "eyes"})
    again = await bot.post(path, json={"content": "eyes"})
    assert (first.status_code, again.status_code) == (201, 200)
    assert first.json()["id"] == again.json()["id"]
    await alice.post(path, json={"content": "eyes"})
    assert (await bot.get(f"{REPO}/issues/1")).json()["reactions"]["eyes"] == 2
    assert len((await bot.get(f"{path}?content=eyes")).json()) == 2
    assert (await bot.get(f"{path}?content=heart")).json() == []
    assert (await bot.delete(f"{path}/1")).status_code == 204
    assert (await bot.get(f"{REPO}/issues/1")).json()["reactions"]["total_count"] == 1
    assert (await bot.post(path, json={"content": "shrug"})).status_code == 422


async def test_labels_come_and_go_one_by_one(world: World) -> None:
    """Adding makes unknown labels, removing one leaves the others, a missing one is 404."""
    bot = await world.bot()
    await bot.post(f"{REPO}/issues", json={"title": "One"})
    path = f"{REPO}/issues/1/labels"
    added = (await bot.post(path, json={"labels": ["type:bug", "Bug"]})).json()
    assert {label["name"] for label in added} == {"bug", "type:bug"}
    assert (await bot.delete(f"{path}/bug")).json()[0]["name"] == "type:bug"
    assert (await bot.delete(f"{path}/bug")).json()["message"] == "Label does not exist"
    changed = await bot.patch(f"{REPO}/labels/type:bug", json={"color": "FF0000"})
    assert changed.json()["color"] == "ff0000"
    assert (await bot.put(path, json={"labels": []})).json() == []
    assert (await bot.delete(f"{REPO}/labels/type:bug")).status_code == 204
    assert (await bot.get(f"{REPO}/labels/type:bug")).status_code == 404


async def test_contents_are_read_at_a_ref(world: World, tmp_path: Path) -> None:
    """A file differs by branch; a directory lists; what is missing is 404; raw is bytes."""
    bot = await world.bot()
    await world.branch(tmp_path, "fix", _FIX)
    for ref, text in (("main", "sum"), ("fix", "return 0")):
        file = (await bot.get(f"{REPO}/contents/parcel/weight.py?ref={ref}")).json()
        assert text in base64.b64decode(file["content"]).decode()
    listed = (await bot.get(f"{REPO}/contents/")).json()
    assert [(one["name"], one["type"]) for one in listed] == [
        ("README.md", "file"),
        ("parcel", "dir"),
        ("tests", "dir"),
    ]
    for path in ("nothing", "README.md?ref=nowhere"):
        assert (await bot.get(f"{REPO}/contents/{path}")).status_code == 404
    headers = {"Accept": "application/vnd.github.raw+json"}
    raw = await bot.get(f"{REPO}/contents/README.md", headers=headers)
    assert raw.text.startswith("# parcel")


async def test_a_diff_names_every_kind_of_change(world: World, tmp_path: Path) -> None:
    """Added, changed and binary files have their status, counts and patch; so has the diff."""
    bot = await world.bot()
    more = {"copy.md": "# copy\n\nof it\n", "b i n": "\0", "한글.txt": "새\n"}
    await world.branch(tmp_path, "fix", _FIX | more)
    await bot.post(f"{REPO}/pulls", json={"title": "Fix", "head": "fix", "base": "main"})
    files = (await bot.get(f"{REPO}/pulls/1/files")).json()
    assert [(one["filename"], one["status"], one["additions"]) for one in files] == [
        ("b i n", "added", 0),
        ("copy.md", "added", 3),
        ("parcel/weight.py", "modified", 1),
        ("한글.txt", "added", 1),
    ]
    assert files[2]["patch"].startswith("@@ -1,2 +1,2 @@\n def total")
    headers = {"Accept": "application/vnd.github.diff"}
    text = (await bot.get(f"{REPO}/pulls/1", headers=headers)).text
    assert "+    return 0" in text
    compared = (await bot.get(f"{REPO}/compare/main...fix")).json()
    assert (compared["status"], compared["ahead_by"], len(compared["files"])) == ("ahead", 1, 4)


async def test_a_draft_review_waits_for_its_author(world: World, tmp_path: Path) -> None:
    """Without an event nobody else sees the review; submitted, it is sent with its remarks."""
    alice, bot = await world.person("alice"), await world.bot()
    await world.branch(tmp_path, "fix", _FIX)
    await bot.post(f"{REPO}/pulls", json={"title": "Fix", "head": "fix", "base": "main"})
    remark = {"path": "parcel/weight.py", "line": 2, "body": "?"}
    made = (await alice.post(f"{REPO}/pulls/1/reviews", json={"comments": [remark]})).json()
    assert made["state"] == "PENDING"
    assert (await bot.get(f"{REPO}/pulls/1/reviews")).json() == []
    assert (await bot.get(f"{REPO}/pulls/1/comments")).json() == []
    events = f"{REPO}/pulls/1/reviews/1/events"
    done = await alice.post(events, json={"event": "APPROVE", "body": "Good"})
    assert done.json()["state"] == "APPROVED"
    assert (await world.events())[-2:] == [
        "pull_request_review.submitted",
        "pull_request_review_comment.created",
    ]
    assert (await alice.post(events, json={"event": "APPROVE"})).status_code == 422


async def test_a_check_run_goes_its_way(world: World) -> None:
    """Queued, in progress, completed; each name's latest run is listed; a rerun is asked for."""
    alice, bot = await world.person("alice"), await world.bot()
    sha = (await bot.get(f"{REPO}/git/ref/heads/main")).json()["object"]["sha"]
    for external in ("first", "second"):
        run = {"name": "tests", "head_sha": sha, "external_id": external}
        await bot.post(f"{REPO}/check-runs", json=run)
    started = await bot.patch(f"{REPO}/check-runs/2", json={"status": "in_progress"})
    assert started.json()["conclusion"] is None
    done = await bot.patch(f"{REPO}/check-runs/2", json={"conclusion": "failure"})
    assert (done.json()["status"], done.json()["completed_at"]) == (
        "completed",
        "2026-11-21T09:00:00Z",
    )
    path = f"{REPO}/commits/{sha}/check-runs"
    assert [run["id"] for run in (await bot.get(path)).json()["check_runs"]] == [2]
    everything = (await bot.get(f"{path}?filter=all&check_name=tests")).json()
    assert everything["total_count"] == 2
    assert (await alice.post(f"{REPO}/check-runs/2/rerequest")).status_code == 201
    assert (await world.events())[3:] == [
        "check_run.created",
        "check_run.created",
        "check_run.completed",
        "check_run.rerequested",
    ]


async def _ask(client: httpx.AsyncClient, query: str) -> dict[str, Any]:
    answer = await client.post("/graphql", json={"query": query})
    assert answer.status_code == 200
    body: dict[str, Any] = answer.json()
    return body


async def test_graphql_answers_one_mutation_only(world: World, tmp_path: Path) -> None:
    """Anything else is an error under 200, as GraphQL has it; so is what may not be done."""
    bot = await world.bot()
    await world.branch(tmp_path, "fix", _FIX)
    draft = {"title": "Fix", "head": "fix", "base": "main", "draft": True}
    node = (await bot.post(f"{REPO}/pulls", json=draft)).json()["node_id"]
    ready = 'mutation { markPullRequestReadyForReview(input: {pullRequestId: "%s"}) %s }'
    unknown = await _ask(bot, "query { repository { id } }")
    assert "Cannot query field 'repository'" in str(unknown["errors"])
    missing = await _ask(bot, ready % ("PR_99", "{ clientMutationId }"))
    assert missing["errors"][0]["type"] == "NOT_FOUND"
    reader = await world.bot(permissions={"pull_requests": "write"})
    for client in (reader, await world.person("mallory")):
        refused = await _ask(client, ready % (node, "{ clientMutationId }"))
        assert refused["errors"][0]["type"] == "FORBIDDEN"
    done = await _ask(bot, ready % (node, "{ pullRequest { isDraft state number } }"))
    assert done["data"] == {
        "markPullRequestReadyForReview": {
            "pullRequest": {"isDraft": False, "state": "OPEN", "number": 1}
        }
    }
    nobody = await (await world.client()).post("/graphql", json={"query": "{ viewer { login } }"})
    assert nobody.status_code == 401
