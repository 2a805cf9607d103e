import hashlib
import hmac
import json
from pathlib import Path

from pydantic import SecretStr

from bot.demo.forge import AppRegistration, ForgeConfig, create_forge, forge_of
from bot.serving import listen, serve
from tests.forge.world import REPO, SECRET, Target, World, private_key, public_pem


async def test_a_webhook_is_signed_as_github_signs(world: World) -> None:
    """Body, signature and headers are those of GitHub; the body is compact UTF-8."""
    await (await world.person("alice")).post(f"{REPO}/issues", json={"title": "무게"})
    await world.events()
    headers, body = world.target.received[-1]
    signature = hmac.new(SECRET.encode(), body, hashlib.sha256).hexdigest()
    assert headers["x-hub-signature-256"] == f"sha256={signature}"
    assert "무게".encode() in body
    compact = json.dumps(json.loads(body), separators=(",", ":"), ensure_ascii=False)
    assert body.decode() == compact
    assert headers["x-github-event"] == "issues"
    assert headers["user-agent"].startswith("GitHub-Hookshot/")
    assert headers["x-github-hook-installation-target-type"] == "integration"
    assert headers["x-github-hook-installation-target-id"] == "1"
    assert len(headers["x-github-delivery"]) == 36


async def test_two_forges_say_the_same(world: World) -> None:
    """Ids, GUIDs and order depend on nothing but what was done (the series names the forge)."""
    await (await world.person("alice")).post(f"{REPO}/issues", json={"title": "One"})
    await world.events()
    guids = [headers["x-github-delivery"] for headers, _ in world.target.received]
    assert guids[0] == "f413b9d9-4a26-51da-a287-cf3754a7e19a"
    assert len(set(guids)) == 4


async def test_a_failed_webhook_is_recorded_and_not_repeated(world: World) -> None:
    """An error of the receiver is one delivery with its status; asked for, it comes once more."""
    alice, app = await world.person("alice"), await world.app()
    world.target.status = 503
    await alice.post(f"{REPO}/issues", json={"title": "One"})
    before = await world.events()
    (failed, *_) = (await app.get("/app/hook/deliveries?per_page=1")).json()
    assert (failed["status_code"], failed["event"], failed["redelivery"]) == (503, "issues", False)
    world.target.status = 202
    attempts = f"/app/hook/deliveries/{failed['id']}/attempts"
    assert (await app.post(attempts)).status_code == 202
    assert await world.events() == [*before, "issues.opened"]
    (first, first_body), (second, second_body) = world.target.received[-2:]
    assert first["x-github-delivery"] == second["x-github-delivery"] == failed["guid"]
    assert first_body == second_body
    (again, *_) = (await app.get("/app/hook/deliveries?per_page=1")).json()
    assert (again["status_code"], again["redelivery"], again["guid"]) == (202, True, failed["guid"])
    seen = (await app.get(f"/app/hook/deliveries/{again['id']}")).json()
    assert seen["request"]["payload"]["issue"]["title"] == "One"
    assert (await app.post("/app/hook/deliveries/999/attempts")).status_code == 404


async def test_deliveries_come_in_pages(world: World) -> None:
    """The list is read back with a cursor, the newest first, without gap or repetition."""
    alice, app = await world.person("alice"), await world.app()
    for number in range(4):
        await alice.post(f"{REPO}/issues", json={"title": str(number)})
    await world.events()
    url, seen = "/app/hook/deliveries?per_page=3", []
    while url:
        answer = await app.get(url)
        seen += [one["id"] for one in answer.json()]
        url = answer.links.get("next", {}).get("url", "")
    assert seen == sorted(seen, reverse=True)
    assert len(seen) == 7


async def test_held_webhooks_arrive_later(world: World) -> None:
    """While the receiver sleeps nothing arrives; then everything does, in order."""
    alice = await world.person("alice")
    await world.events()
    world.faults.hold_deliveries()
    before = len(world.target.received)
    for title in ("One", "Two"):
        await alice.post(f"{REPO}/issues", json={"title": title})
    assert len(world.target.received) == before
    world.faults.release_deliveries()
    await world.events()
    assert [body["issue"]["title"] for _, body in world.sent()[before:]] == ["One", "Two"]


async def test_edits_say_what_was_before(world: World) -> None:
    """Edited issues and comments carry the old text; deleting and labelling are told, too."""
    alice = await world.person("alice")
    await alice.post(f"{REPO}/issues", json={"title": "One", "body": "old"})
    await alice.patch(f"{REPO}/issues/1", json={"title": "Two", "body": "new"})
    await alice.post(f"{REPO}/issues/1/comments", json={"body": "before"})
    await alice.patch(f"{REPO}/issues/comments/1", json={"body": "after"})
    await alice.patch(f"{REPO}/issues/comments/1", json={"body": "after"})
    await alice.delete(f"{REPO}/issues/comments/1")
    await alice.post(f"{REPO}/issues/1/labels", json=["bug"])
    await alice.delete(f"{REPO}/issues/1/labels/bug")
    await alice.patch(f"{REPO}/issues/1", json={"state": "closed", "state_reason": "not_planned"})
    await alice.patch(f"{REPO}/issues/1", json={"state": "open"})
    assert (await world.events())[3:] == [
        "issues.opened",
        "issues.edited",
        "issue_comment.created",
        "issue_comment.edited",
        "issue_comment.deleted",
        "issues.labeled",
        "issues.unlabeled",
        "issues.closed",
        "issues.reopened",
    ]
    changes = [body["changes"] for _, body in world.sent() if "changes" in body]
    assert changes == [
        {"title": {"from": "One"}, "body": {"from": "old"}},
        {"body": {"from": "before"}},
    ]


async def test_what_is_not_subscribed_or_not_installed_is_not_sent(world: World) -> None:
    """The App hears of its own repositories; each event names the installation."""
    bob = await world.person("bob")
    await bob.post("/repos/bob/secret/issues", json={"title": "Also mine"})
    await world.events()
    _, body = world.sent()[-1]
    assert (body["installation"]["id"], body["repository"]["private"]) == (2, True)


async def test_lost_webhooks_fail_and_are_not_repeated(world: World) -> None:
    """While the receiver's machine sleeps deliveries fail, as at GitHub; those after it arrive."""
    alice, app = await world.person("alice"), await world.app()
    await world.events()
    world.faults.lose_deliveries()
    before = len(world.target.received)
    await alice.post(f"{REPO}/issues", json={"title": "One"})
    await world.events()
    (failed, *_) = (await app.get("/app/hook/deliveries?per_page=1")).json()
    assert (failed["status"], failed["status_code"]) == ("failed to connect to host", 0)
    world.faults.release_deliveries()
    await alice.post(f"{REPO}/issues", json={"title": "Two"})
    await world.events()
    assert [body["issue"]["title"] for _, body in world.sent()[before:]] == ["Two"]


async def test_the_first_webhooks_wait_for_a_receiver_that_starts_later(tmp_path: Path) -> None:
    """Ping and installation do not fail because the gateway is started after its forge."""
    gate, door, target = listen(), listen(), Target()
    door.socket.close()
    config = ForgeConfig(
        state=tmp_path / "forge",
        url=gate.url,
        app=AppRegistration(public_key=public_pem(private_key())),
        webhook_secret=SecretStr(SECRET),
        webhook_url=f"{door.url}/webhooks/github",
    )
    forge = create_forge(config)
    async with serve(forge, gate):
        again = listen(int(door.url.rpartition(":")[2]))
        async with serve(target.app(), again):
            await forge_of(forge)[1].settle()
    assert [headers["x-github-event"] for headers, _ in target.received] == ["ping"]
