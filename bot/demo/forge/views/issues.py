"""Labels, issues, comments and reactions as JSON."""

from collections import Counter

from sqlalchemy import func, select

from bot.demo.forge.core import Json, Unit, node_id, stamp
from bot.demo.forge.tables import Comment, Issue, Label, Reaction, Repository
from bot.demo.forge.views.accounts import integration, maybe_user, simple_user

REACTIONS = ("+1", "-1", "laugh", "confused", "heart", "hooray", "rocket", "eyes")


def label(unit: Unit, repo: Repository, row: Label) -> Json:
    """Write a label."""
    return {
        "id": row.id,
        "node_id": node_id("LA", row.id),
        "url": f"{unit.urls.repo(repo)}/labels/{row.name}",
        "name": row.name,
        "color": row.color,
        "default": row.default,
        "description": row.description,
    }


def reaction(unit: Unit, row: Reaction) -> Json:
    """Write a reaction."""
    return {
        "id": row.id,
        "node_id": node_id("REA", row.id),
        "user": simple_user(unit, row.account),
        "content": row.content,
        "created_at": stamp(row.created_at),
    }


async def rollup(unit: Unit, kind: str, subject_id: int, url: str) -> Json:
    """Count the reactions on a subject."""
    query = select(Reaction.content).where(Reaction.kind == kind, Reaction.subject_id == subject_id)
    counts = Counter(await unit.session.scalars(query))
    return {
        "url": f"{url}/reactions",
        "total_count": counts.total(),
        **{content: counts[content] for content in REACTIONS},
    }


async def issue(unit: Unit, repo: Repository, row: Issue) -> Json:
    """Write an issue, or a pull request as an issue."""
    api = unit.urls.repo(repo)
    url = f"{api}/issues/{row.number}"
    comments = select(func.count()).where(Comment.issue_id == row.id)
    body: Json = {
        "id": row.id,
        "node_id": node_id("PR" if row.pull else "I", row.id),
        "url": url,
        "repository_url": api,
        "labels_url": f"{url}/labels{{/name}}",
        "comments_url": f"{url}/comments",
        "events_url": f"{url}/events",
        "timeline_url": f"{url}/timeline",
        "html_url": html_url(unit, repo, row),
        "number": row.number,
        "title": row.title,
        "body": row.body,
        "user": simple_user(unit, row.author),
        "author_association": await unit.association(repo, row.author),
        "labels": [label(unit, repo, one) for one in row.labels],
        "state": row.state,
        "state_reason": row.state_reason,
        "locked": False,
        "active_lock_reason": None,
        "assignee": None,
        "assignees": [],
        "milestone": None,
        "comments": await unit.session.scalar(comments),
        "created_at": stamp(row.created_at),
        "updated_at": stamp(row.updated_at),
        "closed_at": stamp(row.closed_at),
        "closed_by": maybe_user(unit, row.closed_by),
        "reactions": await rollup(unit, "issue", row.id, url),
        "performed_via_github_app": await integration(unit) if row.author.is_bot else None,
    }
    if row.pull:
        body["draft"] = row.pull.draft
        body["pull_request"] = _pull_links(unit, repo, row)
    return body


def html_url(unit: Unit, repo: Repository, row: Issue) -> str:
    """Return the page of an issue or pull request."""
    return f"{unit.urls.repo_html(repo)}/{'pull' if row.pull else 'issues'}/{row.number}"


def _pull_links(unit: Unit, repo: Repository, row: Issue) -> Json:
    page = html_url(unit, repo, row)
    return {
        "url": f"{unit.urls.repo(repo)}/pulls/{row.number}",
        "html_url": page,
        "diff_url": f"{page}.diff",
        "patch_url": f"{page}.patch",
        "merged_at": stamp(row.pull.merged_at if row.pull else None),
    }


async def comment(unit: Unit, repo: Repository, row: Comment) -> Json:
    """Write a comment of a conversation."""
    url = f"{unit.urls.repo(repo)}/issues/comments/{row.id}"
    return {
        "id": row.id,
        "node_id": node_id("IC", row.id),
        "url": url,
        "html_url": f"{html_url(unit, repo, row.issue)}#issuecomment-{row.id}",
        "issue_url": f"{unit.urls.repo(repo)}/issues/{row.issue.number}",
        "user": simple_user(unit, row.author),
        "author_association": await unit.association(repo, row.author),
        "body": row.body,
        "created_at": stamp(row.created_at),
        "updated_at": stamp(row.updated_at),
        "reactions": await rollup(unit, "comment", row.id, url),
        "performed_via_github_app": await integration(unit) if row.author.is_bot else None,
    }
