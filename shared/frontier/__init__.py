"""Cloud models for emergencies: one Protocol, three providers, prices, and a ledger of calls."""

from shared.frontier.asking import Yes, consult
from shared.frontier.ledger import CallState, Ledger, Share
from shared.frontier.opening import has_key, open_frontier
from shared.frontier.preparing import Redact, prepare
from shared.frontier.pricing import Estimate, estimate, price
from shared.frontier.values import (
    Frontier,
    FrontierReply,
    FrontierRequest,
    FrontierUsage,
    Redaction,
)

__all__ = [
    "CallState",
    "Estimate",
    "Frontier",
    "FrontierReply",
    "FrontierRequest",
    "FrontierUsage",
    "Ledger",
    "Redact",
    "Redaction",
    "Share",
    "Yes",
    "consult",
    "estimate",
    "has_key",
    "open_frontier",
    "prepare",
    "price",
]
