"""Who may use which model when, and what each node holds in its memory."""

from shared.scheduler.control import NodeControl, OllamaControl
from shared.scheduler.scheduler import Scheduler
from shared.scheduler.values import (
    Activity,
    Lease,
    LoadedModel,
    NodeState,
    NodeStatus,
    Place,
    Policy,
    Priority,
    Proof,
    Reason,
    Switch,
    SwitchPlan,
)

__all__ = [
    "Activity",
    "Lease",
    "LoadedModel",
    "NodeControl",
    "NodeState",
    "NodeStatus",
    "OllamaControl",
    "Place",
    "Policy",
    "Priority",
    "Proof",
    "Reason",
    "Scheduler",
    "Switch",
    "SwitchPlan",
]
