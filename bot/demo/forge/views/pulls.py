"""Pull requests, reviews and their comments as JSON."""

from sqlalchemy import func, select

from bot.demo.forge.core import Json, Unit, node_id, stamp
from bot.demo.forge.diffs import parse_diff
from bot.demo.forge.tables import Comment, Pull, Repository, Review, ReviewComment
from bot.demo.forge.views import issues
from bot.demo.forge.views.accounts import maybe_user, simple_user
from bot.demo.forge.views.repositories import repository


async def pull(unit: Unit, repo: Repository, row: Pull) -> Json:
    """Write a pull request as lists carry it."""
    issue = row.issue
    api = unit.urls.repo(repo)
    url = f"{api}/pulls/{issue.number}"
    page = issues.html_url(unit, repo, issue)
    links = _links(api, url, page, row)
    return {
        "url": url,
        "id": row.id,
        "node_id": node_id("PR", row.id),
        "html_url": page,
        "diff_url": f"{page}.diff",
        "patch_url": f"{page}.patch",
        **{f"{key}_url": href for key, href in links.items() if key not in {"self", "html"}},
        "number": issue.number,
        "state": issue.state,
        "locked": False,
        "active_lock_reason": None,
        "title": issue.title,
        "user": simple_user(unit, issue.author),
        "body": issue.body,
        "labels": [issues.label(unit, repo, one) for one in issue.labels],
        "milestone": None,
        "assignee": None,
        "assignees": [],
        "requested_reviewers": [],
        "requested_teams": [],
        "created_at": stamp(issue.created_at),
        "updated_at": stamp(issue.updated_at),
        "closed_at": stamp(issue.closed_at),
        "merged_at": stamp(row.merged_at),
        "merge_commit_sha": row.merge_commit_sha,
        "head": await _end(unit, repo, row.head_ref, row.head_sha),
        "base": await _end(unit, repo, row.base_ref, row.base_sha),
        "_links": {key: {"href": href} for key, href in links.items()},
        "author_association": await unit.association(repo, issue.author),
        "auto_merge": None,
        "draft": row.draft,
    }


async def full_pull(unit: Unit, repo: Repository, row: Pull) -> Json:
    """Write a pull request with what has to be computed: size and mergeability."""
    bare = unit.forge.bare(repo)
    start = await fork_point(unit, repo, row)
    diff = parse_diff(await bare.diff(start, row.head_sha))
    is_open = row.issue.state == "open"
    clean = await is_clean(unit, repo, row)
    return await pull(unit, repo, row) | {
        "merged": row.merged_at is not None,
        "mergeable": clean if is_open else None,
        "rebaseable": clean if is_open else None,
        "mergeable_state": _mergeable_state(row, clean=clean),
        "merged_by": maybe_user(unit, row.merged_by),
        "comments": await _count(unit, Comment.issue_id, row.id),
        "review_comments": await _count(unit, ReviewComment.pull_id, row.id),
        "maintainer_can_modify": row.maintainer_can_modify,
        "commits": await bare.count(f"{start}..{row.head_sha}"),
        "additions": sum(entry.additions for entry in diff),
        "deletions": sum(entry.deletions for entry in diff),
        "changed_files": len(diff),
    }


async def base_tip(unit: Unit, repo: Repository, row: Pull) -> str:
    """Return where the base branch is; for a closed pull request, where it was then."""
    if row.issue.state != "open":
        return row.base_sha
    tip = await unit.forge.bare(repo).resolve(f"refs/heads/{row.base_ref}")
    return tip or row.base_sha


async def fork_point(unit: Unit, repo: Repository, row: Pull) -> str:
    """Return the commit at which the branch left its base; its diff starts there."""
    tip = await base_tip(unit, repo, row)
    return await unit.forge.bare(repo).merge_base(tip, row.head_sha) or tip


async def is_clean(unit: Unit, repo: Repository, row: Pull) -> bool:
    """Tell whether an open pull request merges without conflicts."""
    tip = await base_tip(unit, repo, row)
    merged = await unit.forge.bare(repo).merged_tree(tip, row.head_sha)
    return row.issue.state == "open" and merged is not None


def minimal_pull(unit: Unit, repo: Repository, row: Pull) -> Json:
    """Write a pull request as check runs carry it."""
    there = {"id": repo.id, "url": unit.urls.repo(repo), "name": repo.name}
    return {
        "id": row.id,
        "number": row.issue.number,
        "url": f"{unit.urls.repo(repo)}/pulls/{row.issue.number}",
        "head": {"ref": row.head_ref, "sha": row.head_sha, "repo": there},
        "base": {"ref": row.base_ref, "sha": row.base_sha, "repo": there},
    }


async def review(unit: Unit, repo: Repository, pull_row: Pull, row: Review) -> Json:
    """Write a review."""
    page = issues.html_url(unit, repo, pull_row.issue)
    html = f"{page}#pullrequestreview-{row.id}"
    pull_url = f"{unit.urls.repo(repo)}/pulls/{pull_row.issue.number}"
    body = {
        "id": row.id,
        "node_id": node_id("PRR", row.id),
        "user": simple_user(unit, row.author),
        "body": row.body,
        "state": row.state,
        "html_url": html,
        "pull_request_url": pull_url,
        "_links": {"html": {"href": html}, "pull_request": {"href": pull_url}},
        "commit_id": row.commit_id,
        "author_association": await unit.association(repo, row.author),
    }
    return body | ({"submitted_at": stamp(row.submitted_at)} if row.submitted_at else {})


async def review_comment(unit: Unit, repo: Repository, pull_row: Pull, row: ReviewComment) -> Json:
    """Write a comment on a line."""
    api = unit.urls.repo(repo)
    url = f"{api}/pulls/comments/{row.id}"
    pull_url = f"{api}/pulls/{pull_row.issue.number}"
    html = f"{issues.html_url(unit, repo, pull_row.issue)}#discussion_r{row.id}"
    outdated = row.commit_id != pull_row.head_sha
    body = {
        "url": url,
        "id": row.id,
        "node_id": node_id("PRRC", row.id),
        "pull_request_review_id": row.review_id,
        "diff_hunk": row.diff_hunk,
        "path": row.path,
        "position": None if outdated else row.position,
        "original_position": row.position,
        "commit_id": row.commit_id,
        "original_commit_id": row.original_commit_id,
        "user": simple_user(unit, row.author),
        "body": row.body,
        "created_at": stamp(row.created_at),
        "updated_at": stamp(row.updated_at),
        "html_url": html,
        "pull_request_url": pull_url,
        "author_association": await unit.association(repo, row.author),
        "_links": {
            "self": {"href": url},
            "html": {"href": html},
            "pull_request": {"href": pull_url},
        },
        "start_line": None if outdated else row.start_line,
        "original_start_line": row.start_line,
        "start_side": row.start_side,
        "line": None if outdated else row.line,
        "original_line": row.line,
        "side": row.side,
        "subject_type": "line",
        "reactions": await issues.rollup(unit, "review_comment", row.id, url),
    }
    return body | ({"in_reply_to_id": row.in_reply_to_id} if row.in_reply_to_id else {})


def _links(api: str, url: str, page: str, row: Pull) -> dict[str, str]:
    issue = f"{api}/issues/{row.issue.number}"
    return {
        "self": url,
        "html": page,
        "issue": issue,
        "comments": f"{issue}/comments",
        "review_comments": f"{url}/comments",
        "review_comment": f"{api}/pulls/comments{{/number}}",
        "commits": f"{url}/commits",
        "statuses": f"{api}/statuses/{row.head_sha}",
    }


async def _end(unit: Unit, repo: Repository, ref: str, sha: str) -> Json:
    return {
        "label": f"{repo.owner.login}:{ref}",
        "ref": ref,
        "sha": sha,
        "user": simple_user(unit, repo.owner),
        "repo": await repository(unit, repo),
    }


def _mergeable_state(row: Pull, *, clean: bool) -> str:
    if row.issue.state != "open":
        return "unknown"
    if not clean:
        return "dirty"
    return "draft" if row.draft else "clean"


async def _count(unit: Unit, column: object, value: int) -> int:
    query = select(func.count()).where(column == value)  # type: ignore[arg-type]  # SQLModel types columns as their values
    return await unit.session.scalar(query) or 0
