"""The domain's tables: runs, approvals, usage and the history of stages."""

from shared.store.frontier_tables import FrontierCall
from shared.store.heard import Ears, Heard, Hearing
from shared.store.lease_tables import LeaseRow, NodeRow
from shared.store.store import Store
from shared.store.tables import Approval, ApprovalState, Run, Snapshot, StageChange, UsageEntry
from shared.store.worker_tables import ActivityRow, GrantRow, WorkerRow
from shared.store.workers import WorkerStore

__all__ = [
    "ActivityRow",
    "Approval",
    "ApprovalState",
    "Ears",
    "FrontierCall",
    "GrantRow",
    "Heard",
    "Hearing",
    "LeaseRow",
    "NodeRow",
    "Run",
    "Snapshot",
    "StageChange",
    "Store",
    "UsageEntry",
    "WorkerRow",
    "WorkerStore",
]
