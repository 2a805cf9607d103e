"""Commits, files of a diff and references as JSON."""

import hashlib
from datetime import UTC, datetime
from urllib.parse import quote

from sqlalchemy import func, select

from bot.demo.forge.bare import Commit, Signature
from bot.demo.forge.core import Json, Unit, node_id
from bot.demo.forge.diffs import FileDiff
from bot.demo.forge.tables import Account, Repository
from bot.demo.forge.views.accounts import maybe_user


async def author_of(unit: Unit, signature: Signature) -> Account | None:
    """Find the account behind an email: its own, or GitHub's noreply form ``id+login@...``."""
    local = signature.email.partition("@")[0]
    login = local.partition("+")[2] if "noreply" in signature.email else None
    by = func.lower(Account.email) == signature.email.lower()
    if login:
        by = Account.login == login
    return await unit.session.scalar(select(Account).where(by))


async def commit(unit: Unit, repo: Repository, row: Commit) -> Json:
    """Write a commit without its files."""
    api = unit.urls.repo(repo)
    html = unit.urls.repo_html(repo)
    return {
        "sha": row.sha,
        "node_id": node_id("C", repo.id) + row.sha,
        "url": f"{api}/commits/{row.sha}",
        "html_url": f"{html}/commit/{row.sha}",
        "comments_url": f"{api}/commits/{row.sha}/comments",
        "commit": {
            "url": f"{api}/git/commits/{row.sha}",
            "author": _signature(row.author),
            "committer": _signature(row.committer),
            "message": row.message,
            "comment_count": 0,
            "tree": {"sha": row.tree, "url": f"{api}/git/trees/{row.tree}"},
            "verification": _unsigned(),
        },
        "author": maybe_user(unit, await author_of(unit, row.author)),
        "committer": maybe_user(unit, await author_of(unit, row.committer)),
        "parents": [
            {"sha": sha, "url": f"{api}/commits/{sha}", "html_url": f"{html}/commit/{sha}"}
            for sha in row.parents
        ],
    }


def files(unit: Unit, repo: Repository, sha: str, diff: tuple[FileDiff, ...]) -> list[Json]:
    """Write the files of a diff whose newer side is a commit."""
    return [diff_entry(unit, repo, sha, entry) for entry in diff]


def diff_entry(unit: Unit, repo: Repository, sha: str, entry: FileDiff) -> Json:
    """Write one file of a diff."""
    path = quote(entry.path)
    html = unit.urls.repo_html(repo)
    body: Json = {
        "sha": None if entry.status == "removed" else entry.sha or _empty_blob(),
        "filename": entry.path,
        "status": entry.status,
        "additions": entry.additions,
        "deletions": entry.deletions,
        "changes": entry.additions + entry.deletions,
        "blob_url": f"{html}/blob/{sha}/{path}",
        "raw_url": f"{html}/raw/{sha}/{path}",
        "contents_url": f"{unit.urls.repo(repo)}/contents/{path}?ref={sha}",
    }
    if entry.patch:
        body["patch"] = entry.patch
    if entry.previous:
        body["previous_filename"] = entry.previous
    return body


def reference(unit: Unit, repo: Repository, name: str, sha: str) -> Json:
    """Write a git reference."""
    api = unit.urls.repo(repo)
    return {
        "ref": name,
        "node_id": node_id("REF", repo.id) + name.replace("/", "_"),
        "url": f"{api}/git/{name}",
        "object": {"type": "commit", "sha": sha, "url": f"{api}/git/commits/{sha}"},
    }


def simple_commit(row: Commit) -> Json:
    """Write a commit as check suites carry it."""
    return {
        "id": row.sha,
        "tree_id": row.tree,
        "message": row.message,
        "timestamp": row.committer.date,
        "author": {"name": row.author.name, "email": row.author.email},
        "committer": {"name": row.committer.name, "email": row.committer.email},
    }


def push_commit(unit: Unit, repo: Repository, row: Commit, diff: tuple[FileDiff, ...]) -> Json:
    """Write a commit as a push carries it."""
    return {
        "id": row.sha,
        "tree_id": row.tree,
        "distinct": True,
        "message": row.message,
        "timestamp": row.committer.date,
        "url": f"{unit.urls.repo_html(repo)}/commit/{row.sha}",
        "author": {"name": row.author.name, "email": row.author.email},
        "committer": {"name": row.committer.name, "email": row.committer.email},
        "added": [entry.path for entry in diff if entry.status == "added"],
        "removed": [entry.path for entry in diff if entry.status == "removed"],
        "modified": [entry.path for entry in diff if entry.status in {"modified", "renamed"}],
    }


def _signature(signature: Signature) -> Json:
    moment = datetime.fromisoformat(signature.date)
    return {
        "name": signature.name,
        "email": signature.email,
        "date": f"{moment.astimezone(UTC):%Y-%m-%dT%H:%M:%S}Z",
    }


def _unsigned() -> Json:
    return {
        "verified": False,
        "reason": "unsigned",
        "signature": None,
        "payload": None,
        "verified_at": None,
    }


def _empty_blob() -> str:
    return hashlib.sha1(b"blob 0\0", usedforsecurity=False).hexdigest()
