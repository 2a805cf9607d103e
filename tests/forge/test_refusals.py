from pathlib import Path
from typing import Any

import httpx

from tests.forge.world import REPO, World

_FIX = {"parcel/weight.py": "def total(weights):\n    return 0\n"}


def _errors(answer: httpx.Response) -> list[Any]:
    assert answer.status_code == 422, answer.text
    body = answer.json()
    assert body["status"] == "422"
    assert body["documentation_url"].startswith("https://docs.github.com/")
    errors: list[Any] = body["errors"]
    return errors


async def test_a_body_ends_at_65536_characters(world: World) -> None:
    """Issue and comment bodies of 65,536 characters pass, also Korean ones; one more is 422."""
    bot = await world.bot()
    full = "가" * 65_536
    issue = {"title": "Long", "body": full}
    assert (await bot.post(f"{REPO}/issues", json=issue)).status_code == 201
    assert (await bot.post(f"{REPO}/issues/1/comments", json={"body": full})).status_code == 201
    for path, more in (("/issues", {"title": "x"}), ("/issues/1/comments", {})):
        answer = await bot.post(REPO + path, json={"body": full + "!", **more})
        assert "maximum is 65536 characters" in str(_errors(answer))
    answer = await bot.patch(f"{REPO}/issues/comments/1", json={"body": full + "!"})
    assert answer.status_code == 422


async def test_a_field_that_does_not_fit_is_named(world: World) -> None:
    """Labels, titles and branches that GitHub would refuse are refused by field and code."""
    bot = await world.bot()
    cases: tuple[tuple[str, dict[str, str], str, str], ...] = (
        ("/labels", {"name": "x" * 51, "color": "ffffff"}, "name", "custom"),
        ("/labels", {"name": "x", "description": "x" * 101}, "description", "custom"),
        ("/labels", {"name": "x", "color": "blue"}, "color", "invalid"),
        ("/labels", {"name": "BUG"}, "name", "already_exists"),
        ("/labels", {"color": "ffffff"}, "name", "missing_field"),
        ("/issues", {"title": "x" * 257}, "title", "custom"),
        ("/pulls", {"title": "x", "head": "none", "base": "main"}, "head", "invalid"),
        ("/pulls", {"title": "x", "head": "main", "base": "none"}, "base", "invalid"),
        ("/pulls", {"title": "x", "head": "bob:main", "base": "main"}, "head", "invalid"),
    )
    for path, body, field, code in cases:
        (error,) = _errors(await bot.post(REPO + path, json=body))
        assert (error["field"], error["code"]) == (field, code)


async def test_malformed_requests_have_githubs_words(world: World) -> None:
    """Broken JSON is 400, a missing title 422, an unknown path 404."""
    bot = await world.bot()
    headers = {"Content-Type": "application/json"}
    broken = await bot.post(f"{REPO}/issues", content=b"{", headers=headers)
    assert (broken.status_code, broken.json()["message"]) == (400, "Problems parsing JSON")
    untitled = await bot.post(f"{REPO}/issues", json={"body": "x"})
    assert (untitled.status_code, untitled.json()["message"]) == (
        422,
        'Invalid request.\n\n"title" wasn\'t supplied.',
    )
    client = httpx.AsyncClient(base_url=world.url)
    async with client:
        assert (await client.get("/api/v3/no/such/path")).json()["message"] == "Not Found"


async def test_one_branch_has_one_open_pull_request(world: World, tmp_path: Path) -> None:
    """A second pull request of a branch is refused in GitHub's words, until the first is closed."""
    bot = await world.bot()
    await world.branch(tmp_path, "fix", _FIX)
    wanted = {"title": "Fix", "head": "fix", "base": "main"}
    assert (await bot.post(f"{REPO}/pulls", json=wanted)).status_code == 201
    (error,) = _errors(await bot.post(f"{REPO}/pulls", json=wanted))
    assert error["message"] == "A pull request already exists for alice:fix."
    assert (await bot.patch(f"{REPO}/pulls/1", json={"state": "closed"})).status_code == 200
    assert (await bot.post(f"{REPO}/pulls", json=wanted)).status_code == 201


async def test_a_branch_without_commits_has_no_pull_request(world: World, tmp_path: Path) -> None:
    """Nothing between base and head is 422."""
    await world.branch(tmp_path, "fix", _FIX)
    wanted = {"title": "Nothing", "head": "main", "base": "fix"}
    answer = await (await world.bot()).post(f"{REPO}/pulls", json=wanted)
    (error,) = _errors(answer)
    assert error["message"] == "No commits between alice:fix and alice:main"


async def test_nobody_reviews_their_own_pull_request(world: World, tmp_path: Path) -> None:
    """The author may comment, and neither approve nor request changes."""
    bot = await world.bot()
    await world.branch(tmp_path, "fix", _FIX)
    await bot.post(f"{REPO}/pulls", json={"title": "Fix", "head": "fix", "base": "main"})
    reviews = f"{REPO}/pulls/1/reviews"
    for event, words in (
        ("APPROVE", "Can not approve your own pull request"),
        ("REQUEST_CHANGES", "Can not request changes on your own pull request"),
    ):
        answer = await bot.post(reviews, json={"event": event, "body": "I like it"})
        assert (answer.json()["message"], _errors(answer)) == ("Unprocessable Entity", [words])
    said = await bot.post(reviews, json={"event": "COMMENT", "body": "Ready."})
    assert said.json()["state"] == "COMMENTED"
    empty = await (await world.person("alice")).post(reviews, json={"event": "REQUEST_CHANGES"})
    assert empty.status_code == 422


async def test_a_remark_has_to_be_on_the_diff(world: World, tmp_path: Path) -> None:
    """A comment on another line or file is refused, and the review with it."""
    bot, alice = await world.bot(), await world.person("alice")
    await world.branch(tmp_path, "fix", _FIX)
    await bot.post(f"{REPO}/pulls", json={"title": "Fix", "head": "fix", "base": "main"})
    for spot in ({"path": "parcel/weight.py", "line": 9}, {"path": "README.md", "line": 1}):
        review = {"event": "COMMENT", "comments": [{**spot, "body": "?"}]}
        refused = await alice.post(f"{REPO}/pulls/1/reviews", json=review)
        assert "could not be resolved" in str(_errors(refused))
        answer = await alice.post(f"{REPO}/pulls/1/comments", json={**spot, "body": "?"})
        assert "must be part of the diff" in str(_errors(answer))
    assert (await alice.get(f"{REPO}/pulls/1/reviews")).json() == []
    old = {"path": "parcel/weight.py", "line": 2, "side": "LEFT", "body": "This was right."}
    made = (await alice.post(f"{REPO}/pulls/1/comments", json=old)).json()
    assert made["diff_hunk"].endswith("-    return sum(weights)")


async def test_check_runs_have_limits(world: World) -> None:
    """Output over 65,535 characters, a 51st annotation and an unknown commit are refused."""
    bot = await world.bot()
    sha = (await bot.get(f"{REPO}/git/ref/heads/main")).json()["object"]["sha"]
    run = {"name": "tests", "head_sha": sha}
    note = {
        "path": "README.md",
        "start_line": 1,
        "end_line": 1,
        "annotation_level": "notice",
        "message": "m",
    }
    output = {"title": "t", "summary": "x" * 65_535, "annotations": [note] * 50}
    made = await bot.post(f"{REPO}/check-runs", json={**run, "output": output})
    assert made.status_code == 201
    for wrong in (
        {"output": {"title": "t", "summary": "x" * 65_536}},
        {"output": {"title": "t", "summary": "s", "annotations": [note] * 51}},
        {"output": {"summary": "no title"}},
        {"status": "completed"},
        {"head_sha": "0" * 40},
    ):
        assert (await bot.post(f"{REPO}/check-runs", json={**run, **wrong})).status_code == 422
    more = {"output": {"title": "t", "summary": "s", "annotations": [note]}}
    updated = await bot.patch(f"{REPO}/check-runs/1", json=more)
    assert updated.json()["output"]["annotations_count"] == 51
    refused = await (await world.person("alice")).post(f"{REPO}/check-runs", json=run)
    assert refused.json()["message"] == "You must authenticate via a GitHub App."


async def test_people_act_within_their_role(world: World, tmp_path: Path) -> None:
    """Everybody comments; triage labels; write merges; only authors and writers edit."""
    mallory, carol, bob = [await world.person(name) for name in ("mallory", "carol", "bob")]
    opened = {"title": "Mine", "labels": ["bug"]}
    assert (await mallory.post(f"{REPO}/issues", json=opened)).json()["labels"] == []
    assert (await carol.post(f"{REPO}/issues/1/comments", json={"body": "Hm"})).status_code == 201
    labels = {"labels": ["bug"]}
    assert (await mallory.post(f"{REPO}/issues/1/labels", json=labels)).status_code == 403
    assert (await carol.post(f"{REPO}/issues/1/labels", json=labels)).status_code == 200
    edit = {"body": "No"}
    assert (await mallory.patch(f"{REPO}/issues/comments/1", json=edit)).status_code == 403
    assert (await bob.patch(f"{REPO}/issues/comments/1", json=edit)).status_code == 200
    assert (await (await world.bot()).delete(f"{REPO}/issues/comments/1")).status_code == 403
    await world.branch(tmp_path, "fix", _FIX)
    await bob.post(f"{REPO}/pulls", json={"title": "Fix", "head": "fix", "base": "main"})
    assert (await carol.put(f"{REPO}/pulls/2/merge")).status_code == 403
    assert (await bob.put(f"{REPO}/pulls/2/merge")).status_code == 200


async def test_a_merge_is_refused_for_githubs_reasons(world: World, tmp_path: Path) -> None:
    """A moved head is 409; a draft, a conflict, a rebase and a second merge are 405."""
    alice, bot = await world.person("alice"), await world.bot()
    for name in ("one", "two"):
        await world.branch(tmp_path, name, {"parcel/weight.py": f"# {name}\n"})
        await bot.post(f"{REPO}/pulls", json={"title": name, "head": name, "base": "main"})
    stale = await alice.put(f"{REPO}/pulls/1/merge", json={"sha": "0" * 40})
    assert stale.status_code == 409
    rebase = await alice.put(f"{REPO}/pulls/1/merge", json={"merge_method": "rebase"})
    assert rebase.status_code == 405
    squash = await alice.put(f"{REPO}/pulls/1/merge", json={"merge_method": "squash"})
    merged = (await alice.get(f"{REPO}/commits/{squash.json()['sha']}")).json()
    assert (merged["commit"]["message"], len(merged["parents"])) == ("one (#1)", 1)
    again = await alice.put(f"{REPO}/pulls/1/merge")
    assert again.status_code == 405
    conflicting = (await alice.get(f"{REPO}/pulls/2")).json()
    assert (conflicting["mergeable"], conflicting["mergeable_state"]) == (False, "dirty")
    assert (await alice.put(f"{REPO}/pulls/2/merge")).status_code == 405
