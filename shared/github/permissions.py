"""Which permission of the App each call needs; ``app.yml`` grants their union and no more.

Source: https://docs.github.com/en/rest/authentication/permissions-required-for-github-apps
"""

from collections.abc import Mapping

_READ_METADATA = {"metadata": "read"}
_WRITE_ISSUES = {"issues": "write"}
_READ_PULLS = {"pull_requests": "read"}
_WRITE_PULLS = {"pull_requests": "write"}

NEEDED: Mapping[str, Mapping[str, str]] = {
    "issue": {"issues": "read"},
    "default_branch": _READ_METADATA | {"contents": "read"},
    "branch": {"contents": "read"},
    "permission": _READ_METADATA,
    "file": {"contents": "read"},
    "ensure_label": _WRITE_ISSUES,
    "add_labels": _WRITE_ISSUES | _WRITE_PULLS,
    "remove_label": _WRITE_ISSUES | _WRITE_PULLS,
    "comment": {"issues": "read"} | _READ_PULLS,
    "comments": {"issues": "read"} | _READ_PULLS,
    "upsert_comment": _WRITE_ISSUES | _WRITE_PULLS,
    "post_once": _WRITE_ISSUES | _WRITE_PULLS,
    "react": _WRITE_ISSUES,
    "react_to_issue": _WRITE_ISSUES,
    "issues_since": {"issues": "read"} | _READ_PULLS,
    "comments_since": {"issues": "read"} | _READ_PULLS,
    "has_reacted": {"issues": "read"} | _READ_PULLS,
    "pull": _READ_PULLS,
    "pull_for_branch": _READ_PULLS,
    "ensure_pull_request": _WRITE_PULLS | {"contents": "read"},
    "update_pull": _WRITE_PULLS,
    "mark_ready": _WRITE_PULLS | {"contents": "write"},
    "review": _READ_PULLS,
    "review_comments": _READ_PULLS,
    "reply_to_review_comment": _WRITE_PULLS,
    "ensure_check_run": {"checks": "write"},
    "failed_checks": {"checks": "read"},
    "git_token": {"contents": "write"},
    "identity": {},
}
"""By method of GitHubRepo. On a pull request, comments and labels need ``pull_requests``."""


def union() -> dict[str, str]:
    """Return the least that the App has to be granted."""
    granted: dict[str, str] = {}
    for needs in NEEDED.values():
        for name, level in needs.items():
            granted[name] = "write" if "write" in {level, granted.get(name)} else level
    return granted
