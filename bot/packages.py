"""The Python packages that a change adds to those of its base."""

from pathlib import Path

from shared.git.entries import changed_entries
from shared.guard.patch import judge
from shared.target import installable


async def added_packages(git_dir: Path, base: str, head: str) -> tuple[str, ...]:
    """Return them as requirement lines, those that an index can meet. Raises GitError."""
    return installable(judge(await changed_entries(git_dir, base, head)).python_packages)
