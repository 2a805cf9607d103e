"""Git on the host: a mirror per repository, a worktree per run, branches pushed by token."""

from shared.git.mirror import Credentials, Mirror
from shared.git.values import Author, branch_name
from shared.git.worktree import Worktree

__all__ = ["Author", "Credentials", "Mirror", "Worktree", "branch_name"]
