"""The domain's tables: runs, approvals, usage and the history of stages."""

from shared.store.lease_tables import LeaseRow, NodeRow
from shared.store.store import Store
from shared.store.tables import Approval, ApprovalState, Run, StageChange, UsageEntry

__all__ = [
    "Approval",
    "ApprovalState",
    "LeaseRow",
    "NodeRow",
    "Run",
    "StageChange",
    "Store",
    "UsageEntry",
]
