"""Who may use which model when, and what each node holds in its memory."""

from shared.scheduler.control import NodeControl, OllamaControl
from shared.scheduler.scheduler import Scheduler
from shared.scheduler.values import (
    Lease,
    LoadedModel,
    NodeStatus,
    Policy,
    Priority,
    Reason,
    RoleStatus,
    Switch,
    Waiting,
)

__all__ = [
    "Lease",
    "LoadedModel",
    "NodeControl",
    "NodeStatus",
    "OllamaControl",
    "Policy",
    "Priority",
    "Reason",
    "RoleStatus",
    "Scheduler",
    "Switch",
    "Waiting",
]
