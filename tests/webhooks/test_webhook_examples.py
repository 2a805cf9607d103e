from tests.webhooks.conftest import Door, Payload
from webhooks.delivery import Delivery, to_delivery
from webhooks.events import MODELS, is_read


async def test_every_published_example(door: Door, examples: dict[str, list[Payload]]) -> None:
    """All 329 example payloads are accepted, or ignored by name; none is refused."""
    statuses: dict[str, int] = {}
    for event, payloads in examples.items():
        for number, payload in enumerate(payloads):
            answer = await door.knock(payload, event, f"{event.replace('_', '-')}-{number}")
            assert answer.status_code == 202, (event, payload.get("action"), answer.text)
            status = answer.json()["status"]
            expected = "accepted" if is_read(event, payload.get("action")) else "ignored"
            assert status == expected, (event, payload.get("action"))
            statuses[status] = statuses.get(status, 0) + 1
    assert statuses == {"accepted": 69, "ignored": 260}
    assert len(door.inbox.stored) == 69


def test_every_event_has_an_example(examples: dict[str, list[Payload]]) -> None:
    """No model stands here that was not tried on a real payload."""
    tried = {
        name for name in MODELS if any(is_read(name, one.get("action")) for one in examples[name])
    }
    assert tried == set(MODELS)


def _leaves(value: object) -> set[str]:
    if isinstance(value, dict):
        return set().union(*map(_leaves, value.values())) if value else set()
    if isinstance(value, list):
        return set().union(*map(_leaves, value)) if value else set()
    return {value} if isinstance(value, str) and len(value) > 12 else set()


def test_queue_form_is_lossless_and_true(examples: dict[str, list[Payload]]) -> None:
    """What is stored reads back equal, and every text in it stood in the payload."""
    for name in MODELS:
        for payload in examples[name]:
            delivery = to_delivery("g-1", name, payload)
            if delivery is None:
                continue
            dumped = delivery.model_dump(mode="json")
            assert Delivery.model_validate(dumped) == delivery
            times = {"created_at", "updated_at"}
            event = {k: v for k, v in dumped["event"].items() if k != "kind"}
            if "comment" in event:
                event["comment"] = {k: v for k, v in event["comment"].items() if k not in times}
            assert _leaves(event) <= _leaves(payload)


def test_fields_the_bot_reads(examples: dict[str, list[Payload]]) -> None:
    """The fields carry what the payload says, under the names the bot uses."""
    payload = next(p for p in examples["pull_request_review_comment"] if p["action"] == "created")
    delivery = to_delivery("g-1", "pull_request_review_comment", payload)
    assert delivery is not None
    event = delivery.event
    assert event.kind == "pull_request_review_comment"
    assert event.repository.full_name == payload["repository"]["full_name"]
    assert event.repository.default_branch == payload["repository"]["default_branch"]
    assert event.sender.login == payload["sender"]["login"]
    assert event.comment.id == payload["comment"]["id"]
    assert event.comment.path == payload["comment"]["path"]
    assert event.comment.line == payload["comment"].get("line")
    assert event.comment.diff_hunk == payload["comment"]["diff_hunk"]
    assert event.comment.user.login == payload["comment"]["user"]["login"]
    assert event.pull_request.head.ref == payload["pull_request"]["head"]["ref"]
    assert event.pull_request.head.sha == payload["pull_request"]["head"]["sha"]
    assert event.pull_request.base.ref == payload["pull_request"]["base"]["ref"]


def test_issue_and_pull_request_are_told_apart(opened: Payload) -> None:
    """An issue is no pull request; one with the key `pull_request` is, also after the queue."""
    for value in (None, {}, {"url": "https://api.github.com/repos/o/r/pulls/1"}):
        opened["issue"]["pull_request"] = value
        delivery = to_delivery("g-1", "issues", opened)
        assert delivery is not None
        again = Delivery.model_validate(delivery.model_dump(mode="json"))
        assert again.event.kind == "issues"
        assert again.event.issue.is_pull_request is (value is not None)


def test_deleted_accounts_and_empty_bodies(opened: Payload) -> None:
    """GitHub's null for a deleted author or an empty text is no error."""
    opened["issue"] |= {"user": None, "body": None}
    del opened["sender"]
    delivery = to_delivery("g-1", "issues", opened)
    assert delivery is not None
    assert delivery.event.kind == "issues"
    assert delivery.event.issue.user.login == "ghost"
    assert delivery.event.issue.body == ""
    assert delivery.event.sender.login == "ghost"


def test_bots_are_typed(opened: Payload) -> None:
    """A bot's event is marked as such, so that the bot can ignore its own."""
    opened["sender"] |= {"login": "baton[bot]", "type": "Bot"}
    delivery = to_delivery("g-1", "issues", opened)
    assert delivery is not None
    assert delivery.event.sender.is_bot
    assert delivery.event.kind == "issues"
    assert not delivery.event.issue.user.is_bot
