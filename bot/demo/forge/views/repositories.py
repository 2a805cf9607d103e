"""Repositories as JSON."""

from sqlalchemy import func, select

from bot.demo.forge.config import Level
from bot.demo.forge.core import Json, Unit, node_id, stamp
from bot.demo.forge.tables import Issue, Repository
from bot.demo.forge.views.accounts import simple_user

_TEMPLATES = {
    "archive_url": "/{archive_format}{/ref}",
    "assignees_url": "/assignees{/user}",
    "blobs_url": "/git/blobs{/sha}",
    "branches_url": "/branches{/branch}",
    "collaborators_url": "/collaborators{/collaborator}",
    "comments_url": "/comments{/number}",
    "commits_url": "/commits{/sha}",
    "compare_url": "/compare/{base}...{head}",
    "contents_url": "/contents/{+path}",
    "contributors_url": "/contributors",
    "deployments_url": "/deployments",
    "downloads_url": "/downloads",
    "events_url": "/events",
    "forks_url": "/forks",
    "git_commits_url": "/git/commits{/sha}",
    "git_refs_url": "/git/refs{/sha}",
    "git_tags_url": "/git/tags{/sha}",
    "hooks_url": "/hooks",
    "issue_comment_url": "/issues/comments{/number}",
    "issue_events_url": "/issues/events{/number}",
    "issues_url": "/issues{/number}",
    "keys_url": "/keys{/key_id}",
    "labels_url": "/labels{/name}",
    "languages_url": "/languages",
    "merges_url": "/merges",
    "milestones_url": "/milestones{/number}",
    "notifications_url": "/notifications{?since,all,participating}",
    "pulls_url": "/pulls{/number}",
    "releases_url": "/releases{/id}",
    "stargazers_url": "/stargazers",
    "statuses_url": "/statuses/{sha}",
    "subscribers_url": "/subscribers",
    "subscription_url": "/subscription",
    "tags_url": "/tags",
    "teams_url": "/teams",
    "trees_url": "/git/trees{/sha}",
}

_CONSTANTS: Json = {
    "fork": False,
    "mirror_url": None,
    "homepage": None,
    "language": None,
    "forks_count": 0,
    "forks": 0,
    "stargazers_count": 0,
    "watchers_count": 0,
    "watchers": 0,
    "size": 0,
    "is_template": False,
    "topics": [],
    "has_issues": True,
    "has_projects": False,
    "has_wiki": False,
    "has_pages": False,
    "has_downloads": False,
    "has_discussions": False,
    "archived": False,
    "disabled": False,
    "license": None,
    "allow_forking": True,
    "web_commit_signoff_required": False,
}

_SETTINGS: Json = {
    "allow_rebase_merge": False,
    "allow_squash_merge": True,
    "allow_merge_commit": True,
    "allow_auto_merge": False,
    "allow_update_branch": False,
    "delete_branch_on_merge": False,
    "subscribers_count": 0,
    "network_count": 0,
}


async def repository(unit: Unit, row: Repository) -> Json:
    """Write a repository as it appears in lists, pull requests and webhooks."""
    html = unit.urls.repo_html(row)
    open_issues = await _open_issues(unit, row)
    return {
        "id": row.id,
        "node_id": node_id("R", row.id),
        "name": row.name,
        "full_name": row.full_name,
        "private": row.private,
        "visibility": "private" if row.private else "public",
        "owner": simple_user(unit, row.owner),
        "html_url": html,
        "description": row.description or None,
        "url": unit.urls.repo(row),
        **{key: unit.urls.repo(row) + path for key, path in _TEMPLATES.items()},
        "git_url": f"{html}.git",
        "ssh_url": f"{html}.git",
        "clone_url": f"{html}.git",
        "svn_url": html,
        **_CONSTANTS,
        "default_branch": row.default_branch,
        "open_issues_count": open_issues,
        "open_issues": open_issues,
        "created_at": stamp(row.created_at),
        "updated_at": stamp(row.updated_at),
        "pushed_at": stamp(row.pushed_at),
    }


async def full_repository(unit: Unit, row: Repository) -> Json:
    """Write a repository with its settings and what the caller may do in it."""
    body = await repository(unit, row) | _SETTINGS
    if unit.actor.account and not unit.actor.installation:
        level = await unit.level(row, unit.actor.account)
        body["permissions"] = permissions(level)
    return body


def permissions(level: Level) -> dict[str, bool]:
    """Write what a level allows as GitHub's five flags."""
    return {
        "admin": level >= Level.ADMIN,
        "maintain": level >= Level.MAINTAIN,
        "push": level >= Level.WRITE,
        "triage": level >= Level.TRIAGE,
        "pull": level >= Level.READ,
    }


async def _open_issues(unit: Unit, row: Repository) -> int:
    query = select(func.count()).where(Issue.repository_id == row.id, Issue.state == "open")
    return await unit.session.scalar(query) or 0
