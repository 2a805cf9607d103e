"""Profiles: which nodes there are, which models they hold, and who plays which role.

A profile is a TOML file, or JSON where a program has written it. The built-in ones stand in this
folder; users copy one, edit it, and name its path in ``BATON_PROFILE``.
"""

from shared.profiles.household import (
    Approvals,
    BaseMoved,
    Budgets,
    FrontierPolicy,
    FrontierProvider,
    ModelSpec,
    Node,
    NodeRole,
    Profile,
)
from shared.profiles.reading import built_in, load

__all__ = [
    "Approvals",
    "BaseMoved",
    "Budgets",
    "FrontierPolicy",
    "FrontierProvider",
    "ModelSpec",
    "Node",
    "NodeRole",
    "Profile",
    "built_in",
    "load",
]
