"""What a repository says about how Baton works in it: ``.github/baton.yml``."""

from shared.repository.config import PATH, RepositoryApprovals, RepositoryConfig, Triggers
from shared.repository.reading import Fault, Reading, read_config

__all__ = [
    "PATH",
    "Fault",
    "Reading",
    "RepositoryApprovals",
    "RepositoryConfig",
    "Triggers",
    "read_config",
]
