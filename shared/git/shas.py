"""Tell object names from everything that git might take for an option."""

import re

from shared.errors import GitError

_SHA = re.compile(r"[0-9a-f]{40}(?:[0-9a-f]{24})?")


def checked(sha: str) -> str:
    """Return a full object name unchanged; raise GitError for anything else."""
    if not _SHA.fullmatch(sha):
        raise GitError(f"{sha!r} is not the full name of a commit: resolve it first.")
    return sha
