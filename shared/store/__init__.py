"""The domain's tables: runs, approvals, usage and the history of stages."""

from shared.store.store import Store
from shared.store.tables import Approval, ApprovalState, Run, StageChange, UsageEntry

__all__ = ["Approval", "ApprovalState", "Run", "StageChange", "Store", "UsageEntry"]
