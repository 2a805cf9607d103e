from collections import Counter

import pytest

from bot.engine import BUILDS, node_queue
from bot.workers.handing import Household, nodes_for
from bot.workers.process import nearest
from shared import profiles
from shared.domain import Role
from shared.profiles import Profile
from shared.store import WorkerRow

_CODER = profiles.load("distributed").roles[Role.CODER]


def worker(node: str, name: str = "") -> WorkerRow:
    """Return a living worker."""
    return WorkerRow(
        id=name or f"{node}@host", node=node, host="host", pid=1, home="/", since=0, seen_at=0
    )


def household(*nodes: str, gateway_builds: bool = True) -> Household:
    """Return a household of two nodes that hold the coder's model, with workers on some."""
    return Household(("near", "far"), [worker(node) for node in nodes], gateway_builds)


def two_minis() -> Profile:
    """Return the default profile with a second Mini that holds the same models."""
    profile = profiles.load("distributed")
    mini = profile.node("macmini")
    second = [model.model_copy(update={"node": "mini2"}) for model in profile.on("macmini")]
    return profile.model_copy(
        update={
            "nodes": (*profile.nodes, mini.model_copy(update={"name": "mini2"})),
            "models": (*profile.models, *second),
        }
    )


@pytest.mark.parametrize(
    ("nodes", "load", "queue"),
    [
        (["near"], {}, "near"),
        (["far"], {}, "far"),
        (["near", "far"], {}, "near"),
        (["near", "far"], {"near": 1}, "far"),
        (["near", "far"], {"near": 1, "far": 1}, "near"),
        (["elsewhere", "far"], {"far": 9}, "far"),
    ],
)
def test_a_build_goes_to_a_living_worker(
    nodes: list[str], load: dict[str, int], queue: str
) -> None:
    """It has to hold the model; of several nodes the one with the fewest builds, then the first."""
    counted = Counter({node_queue(node): count for node, count in load.items()})
    assert household(*nodes).queue(counted) == node_queue(queue)
    assert household(*nodes).is_served(node_queue(queue))


def test_without_a_worker_the_gateway_builds() -> None:
    """Nobody lives, or nobody who holds the model: the gateway builds, if it is let."""
    for nodes in ([], ["elsewhere"]):
        assert household(*nodes).queue(Counter()) == BUILDS
        waits = household(*nodes, gateway_builds=False)
        assert waits.queue(Counter()) == node_queue("near")
        assert not waits.is_served(node_queue("near"))
    assert household().is_served(BUILDS)


def test_nodes_that_hold_the_model_may_build() -> None:
    """In the order of the profile; on a worker its own node comes first."""
    profile = two_minis()
    assert nodes_for(profile) == ("macmini", "mini2")
    assert nodes_for(nearest(profile, "mini2")) == ("mini2", "macmini")
    assert nearest(profile, "mini2").model(Role.CODER).node == "mini2"
    assert nearest(profile, "mini2").model(Role.CODER).name == _CODER
    assert nearest(profile, "mini2").model(Role.ROUTER).node == "macbook"
