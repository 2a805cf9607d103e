"""Branches, references, commits and contents of a repository."""

import base64
from typing import Annotated

from fastapi import APIRouter, Header
from fastapi.responses import PlainTextResponse, Response

from bot.demo.forge.bare import TreeEntry
from bot.demo.forge.core import Json
from bot.demo.forge.diffs import parse_diff
from bot.demo.forge.problems import Problem, not_found
from bot.demo.forge.rest.access import AtContents, Place
from bot.demo.forge.rest.paging import AnyPage, cut
from bot.demo.forge.views import commits

router = APIRouter(prefix="/repos/{owner}/{repo}")
_HEADS = "refs/heads/"
_LINE = 60  # characters of base64 in a line of a file's content


@router.get("/branches")
async def list_branches(at: AtContents, page: AnyPage) -> list[Json]:
    """List branches."""
    refs = await at.unit.forge.bare(at.repo).refs()
    api = at.unit.urls.repo(at.repo)
    return [
        {
            "name": ref.removeprefix(_HEADS),
            "commit": {"sha": sha, "url": f"{api}/commits/{sha}"},
            "protected": False,
        }
        for ref, sha in cut(at, page, sorted(refs.items()))
    ]


@router.get("/branches/{branch:path}")
async def get_branch(at: AtContents, branch: str) -> Json:
    """Get a branch."""
    bare = at.unit.forge.bare(at.repo)
    sha = (await bare.refs(_HEADS + branch)).get(_HEADS + branch)
    if sha is None:
        raise Problem(404, "Branch not found")
    (row,) = await bare.log(sha, limit=1)
    api = f"{at.unit.urls.repo(at.repo)}/branches/{branch}"
    html = f"{at.unit.urls.repo_html(at.repo)}/tree/{branch}"
    return {
        "name": branch,
        "commit": await commits.commit(at.unit, at.repo, row),
        "_links": {"self": api, "html": html},
        "protected": False,
        "protection": {
            "enabled": False,
            "required_status_checks": {
                "enforcement_level": "off",
                "contexts": [],
                "checks": [],
            },
        },
        "protection_url": f"{api}/protection",
    }


@router.get("/git/ref/{ref:path}")
async def get_ref(at: AtContents, ref: str) -> Json:
    """Get a reference, such as ``heads/main``."""
    name = f"refs/{ref}"
    sha = (await at.unit.forge.bare(at.repo).refs(name)).get(name)
    if sha is None:
        raise not_found()
    return commits.reference(at.unit, at.repo, name, sha)


@router.get("/git/matching-refs/{ref:path}")
async def list_matching_refs(at: AtContents, ref: str) -> list[Json]:
    """List references whose name starts in a certain way."""
    refs = await at.unit.forge.bare(at.repo).refs("refs/")
    found = ((name, sha) for name, sha in refs.items() if name.startswith(f"refs/{ref}"))
    return [commits.reference(at.unit, at.repo, name, sha) for name, sha in found]


@router.get("/commits")
async def list_commits(at: AtContents, page: AnyPage, sha: str | None = None) -> list[Json]:
    """List commits of a branch."""
    start = await _resolve(at, sha or at.repo.default_branch)
    rows = cut(at, page, await at.unit.forge.bare(at.repo).log(start, limit=1000))
    return [await commits.commit(at.unit, at.repo, row) for row in rows]


@router.get("/commits/{ref:path}")
async def get_commit(at: AtContents, ref: str) -> Json:
    """Get a commit with its files."""
    bare = at.unit.forge.bare(at.repo)
    sha = await bare.resolve(ref)
    if sha is None:
        raise Problem(422, f"No commit found for SHA: {ref}")
    (row,) = await bare.log(sha, limit=1)
    empty = (await bare.git("hash-object", "-t", "tree", "--stdin")).decode().strip()
    diff = parse_diff(await bare.diff(row.parents[0] if row.parents else empty, sha))
    files = commits.files(at.unit, at.repo, sha, diff)
    stats = {key: sum(entry[key] for entry in files) for key in ("additions", "deletions")}
    return await commits.commit(at.unit, at.repo, row) | {
        "stats": stats | {"total": sum(stats.values())},
        "files": files,
    }


@router.get("/compare/{basehead:path}")
async def compare(at: AtContents, basehead: str) -> Json:
    """Compare two commits, ``base...head``."""
    bare, (base_name, _, head_name) = at.unit.forge.bare(at.repo), basehead.partition("...")
    base, head = await _resolve(at, base_name), await _resolve(at, head_name)
    start = await bare.merge_base(base, head)
    if start is None:
        raise Problem(404, f"No common ancestor between {base_name} and {head_name}.")
    ahead, behind = await bare.count(f"{base}..{head}"), await bare.count(f"{head}..{base}")
    rows = await bare.log(f"{base}..{head}")
    diff = parse_diff(await bare.diff(start, head))
    html = f"{at.unit.urls.repo_html(at.repo)}/compare/{basehead}"
    (base_row,), (start_row,) = await bare.log(base, limit=1), await bare.log(start, limit=1)
    return {
        "url": f"{at.unit.urls.repo(at.repo)}/compare/{basehead}",
        "html_url": html,
        "permalink_url": html,
        "diff_url": f"{html}.diff",
        "patch_url": f"{html}.patch",
        "base_commit": await commits.commit(at.unit, at.repo, base_row),
        "merge_base_commit": await commits.commit(at.unit, at.repo, start_row),
        "status": _relation(ahead, behind),
        "ahead_by": ahead,
        "behind_by": behind,
        "total_commits": ahead,
        "commits": [await commits.commit(at.unit, at.repo, row) for row in reversed(rows)],
        "files": commits.files(at.unit, at.repo, head, diff),
    }


@router.get("/readme")
async def get_readme(at: AtContents, ref: str | None = None) -> Json:
    """Get the README."""
    bare = at.unit.forge.bare(at.repo)
    name = ref or at.repo.default_branch
    for entry in await bare.tree(await _resolve(at, name)):
        if entry.kind == "blob" and entry.name.lower().startswith("readme"):
            return _file(at, name, entry, await bare.blob(entry.sha))
    raise not_found()


@router.get("/contents/{path:path}", response_model=None)
async def get_content(
    at: AtContents,
    path: str,
    ref: str | None = None,
    accept: Annotated[str, Header()] = "",
) -> Json | list[Json] | Response:
    """Get a file's content, or list a directory."""
    bare, name = at.unit.forge.bare(at.repo), ref or at.repo.default_branch
    sha = await bare.resolve(name)
    if sha is None:
        raise Problem(404, f"No commit found for the ref {name}")
    path = path.strip("/")
    entry = await bare.entry(sha, path) if path else None
    if path and entry is None:
        raise not_found()
    if entry and entry.kind == "blob":
        content = await bare.blob(entry.sha)
        if "raw" in accept:
            return PlainTextResponse(content, media_type="application/vnd.github.raw+json")
        return _file(at, name, entry, content)
    return [_item(at, name, one) for one in await bare.tree(sha, path)]


def _item(at: Place, ref: str, entry: TreeEntry) -> Json:
    api, html = at.unit.urls.repo(at.repo), at.unit.urls.repo_html(at.repo)
    is_file = entry.kind == "blob"
    url = f"{api}/contents/{entry.path}?ref={ref}"
    page = f"{html}/{'blob' if is_file else 'tree'}/{ref}/{entry.path}"
    git_url = f"{api}/git/{'blobs' if is_file else 'trees'}/{entry.sha}"
    return {
        "name": entry.name,
        "path": entry.path,
        "sha": entry.sha,
        "size": entry.size,
        "url": url,
        "html_url": page,
        "git_url": git_url,
        "download_url": f"{html}/raw/{ref}/{entry.path}" if is_file else None,
        "type": "file" if is_file else "dir",
        "_links": {"self": url, "git": git_url, "html": page},
    }


def _file(at: Place, ref: str, entry: TreeEntry, content: bytes) -> Json:
    text = base64.b64encode(content).decode()
    lines = (text[start : start + _LINE] for start in range(0, len(text), _LINE))
    return _item(at, ref, entry) | {
        "content": "".join(f"{line}\n" for line in lines),
        "encoding": "base64",
    }


async def _resolve(at: Place, name: str) -> str:
    sha = await at.unit.forge.bare(at.repo).resolve(name)
    if sha is None:
        raise not_found()
    return sha


def _relation(ahead: int, behind: int) -> str:
    if ahead and behind:
        return "diverged"
    return "ahead" if ahead else "behind" if behind else "identical"
