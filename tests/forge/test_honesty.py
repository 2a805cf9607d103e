import json
import re

import pytest
from fastapi.routing import APIRoute

from bot.demo.forge.rest.api import PARTS
from tests.forge.descriptions import rest, webhooks
from tests.forge.honesty import Honesty
from tests.forge.world import REPO, World

_PARAMETER = re.compile(r"\{[^}]*\}")


def test_every_operation_served_is_described() -> None:
    """No route of the forge is missing in GitHub's description, and none described is missing."""
    served = {
        f"{method} {_PARAMETER.sub('{}', route.path)}"
        for part in PARTS
        for route in part.router.routes
        if isinstance(route, APIRoute)
        for method in route.methods or ()
    }
    described = {
        f"{method.upper()} {_PARAMETER.sub('{}', path)}"
        for path, operations in rest().document["paths"].items()
        for method in operations
    }
    assert served - {"POST /graphql"} == described


async def test_a_lie_is_found(world: World, honesty: Honesty) -> None:
    """An answer that lacks a field, has a wrong type, status, date or path is a violation."""
    alice = await world.person("alice")
    await alice.post(f"{REPO}/issues", json={"title": "One"})
    path = f"{REPO}/issues/1"
    true = (await alice.get(path)).json()
    honesty.demand()
    lies = (
        (200, {**true, "number": "1"}),
        (200, {**true, "created_at": "yesterday"}),
        (200, {**true, "html_url": "nowhere"}),
        (200, {**true, "user": {**true["user"], "id": None}}),
        (200, {key: value for key, value in true.items() if key != "node_id"}),
        (202, true),
        (500, {"message": "x"}),
    )
    for status, body in lies:
        other = Honesty()
        other.check_answer("GET", path, status, json.dumps(body).encode())
        with pytest.raises(AssertionError, match="not as GitHub describes it"):
            other.demand()
    other = Honesty()
    other.check_answer("GET", "/repos/a/b/nothing", 200, b"{}")
    other.check_answer("DELETE", f"{REPO}/labels/x", 204, b"{}")
    assert len(other.violations) == 2


async def test_a_lie_in_a_webhook_is_found(world: World) -> None:
    """A webhook without its repository, with a wrong action or of an unknown event is one."""
    await (await world.person("alice")).post(f"{REPO}/issues", json={"title": "One"})
    await world.events()
    event, true = world.sent()[-1]
    assert webhooks().faults_of_event(event, true) == []
    for lie in (
        {key: value for key, value in true.items() if key != "repository"},
        {**true, "issue": {**true["issue"], "state": "ajar"}},
        {**true, "action": "invented"},
    ):
        assert webhooks().faults_of_event(event, lie)
    assert webhooks().faults_of_event("star", {"action": "created"})
