"""A household whose only node is the live one."""

from shared.domain import Role
from shared.profiles import ModelSpec, Node, Profile

# Sizes are those of the processes, measured; a budget for one of them makes them take turns.
_GB = 0.45
SMALL = ModelSpec(
    name="smollm2:135m",
    node="live",
    size_gb=_GB,
    num_ctx=4096,
    num_predict=512,
    keep_alive="2h",
)
PLANNER = SMALL.model_copy(update={"name": "smollm2-planner:135m", "keep_alive": 0})
MODELS = (SMALL, PLANNER)
BUDGET_GB = 0.6


def household(url: str) -> Profile:
    """Return a profile in which the planner needs the node for itself."""
    roles = dict.fromkeys(Role, SMALL.name) | {Role.PLANNER: PLANNER.name}
    node = Node(name="live", url=url, memory_gb=BUDGET_GB)
    return Profile(name="live", nodes=(node,), models=MODELS, roles=roles)
