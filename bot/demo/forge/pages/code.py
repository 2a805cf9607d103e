"""Pages of a repository's code: front page, directories, files, commits."""

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, PlainTextResponse, Response
from sqlalchemy import func, select

from bot.demo.forge.bare import TreeEntry
from bot.demo.forge.core import Urls
from bot.demo.forge.diffs import parse_diff
from bot.demo.forge.pages.visit import Visit, visit
from bot.demo.forge.problems import not_found
from bot.demo.forge.tables import Account, Repository

router = APIRouter()


@router.get("/")
async def front(request: Request) -> HTMLResponse:
    """List the repositories."""
    async with visit(request) as seen:
        rows = await seen.unit.session.scalars(select(Repository).order_by(Repository.id))
        shown = [row for row in rows if await seen.unit.level(row, seen.unit.user)]
        return await seen.page("front.html", repositories=shown, whose=None)


@router.get("/{owner}")
async def account(request: Request, owner: str) -> HTMLResponse:
    """List the repositories of an account."""
    async with visit(request) as seen:
        query = select(Repository).join(Repository.owner)
        rows = await seen.unit.session.scalars(
            query.where(func.lower(Account.login) == owner.lower()).order_by(Repository.id)
        )
        whose = await seen.unit.account(owner)
        if whose is None:
            raise not_found()
        shown = [row for row in rows if await seen.unit.level(row, seen.unit.user)]
        return await seen.page("front.html", repositories=shown, whose=whose)


@router.get("/{owner}/{repo}")
async def repository(request: Request, owner: str, repo: str) -> HTMLResponse:
    """Show files and README."""
    async with visit(request, owner, repo) as seen:
        return await _directory(seen, seen.repository.default_branch, "")


@router.get("/{owner}/{repo}/tree/{rest:path}")
async def directory(request: Request, owner: str, repo: str, rest: str) -> HTMLResponse:
    """Show a directory of a branch."""
    async with visit(request, owner, repo) as seen:
        return await _directory(seen, *await _split(seen, rest))


@router.get("/{owner}/{repo}/blob/{rest:path}")
async def file(request: Request, owner: str, repo: str, rest: str) -> HTMLResponse:
    """Show a file of a branch or commit."""
    async with visit(request, owner, repo) as seen:
        ref, path = await _split(seen, rest)
        content = await _content(seen, ref, path)
        text = None if b"\0" in content else content.decode("utf-8", "replace")
        return await seen.page(
            "file.html", ref=ref, path=path, text=text, size=len(content), crumbs=_crumbs(path)
        )


@router.get("/{owner}/{repo}/raw/{rest:path}")
async def raw(request: Request, owner: str, repo: str, rest: str) -> Response:
    """Return the bytes of a file, never as a page."""
    async with visit(request, owner, repo) as seen:
        content = await _content(seen, *await _split(seen, rest))
        return PlainTextResponse(content, headers={"X-Content-Type-Options": "nosniff"})


@router.get("/{owner}/{repo}/commits")
async def commits(request: Request, owner: str, repo: str) -> HTMLResponse:
    """List the newest commits of the default branch."""
    async with visit(request, owner, repo) as seen:
        bare = seen.unit.forge.bare(seen.repository)
        rows = await bare.log(seen.repository.default_branch, limit=50)
        return await seen.page("commits.html", commits=rows)


@router.get("/{owner}/{repo}/commit/{sha}")
async def commit(request: Request, owner: str, repo: str, sha: str) -> HTMLResponse:
    """Show a commit with its diff."""
    async with visit(request, owner, repo) as seen:
        bare = seen.unit.forge.bare(seen.repository)
        found = await bare.resolve(sha)
        if found is None:
            raise not_found()
        (row,) = await bare.log(found, limit=1)
        diff = parse_diff(await bare.diff(row.parents[0], found)) if row.parents else ()
        return await seen.page("commit.html", commit=row, files=diff)


async def _directory(seen: Visit, ref: str, path: str) -> HTMLResponse:
    bare = seen.unit.forge.bare(seen.repository)
    sha = await bare.resolve(ref)
    if sha is None:
        raise not_found()
    entries = await bare.tree(sha, path)
    (last,) = await bare.log(sha, limit=1)
    readme = next((one for one in entries if _is_readme(one)), None)
    text = (await bare.blob(readme.sha)).decode("utf-8", "replace") if readme else None
    branches = await bare.refs()
    return await seen.page(
        "repository.html",
        ref=ref,
        path=path,
        crumbs=_crumbs(path),
        entries=sorted(entries, key=lambda one: (one.kind != "tree", one.path.lower())),
        last=last,
        commits=await bare.count(sha),
        branches=[name.removeprefix("refs/heads/") for name in branches],
        readme=text,
        clone=f"{Urls.repo_html(seen.unit.urls, seen.repository)}.git",
    )


def _is_readme(entry: TreeEntry) -> bool:
    return entry.kind == "blob" and entry.name.lower() in {"readme.md", "readme.txt", "readme"}


def _crumbs(path: str) -> list[tuple[str, str]]:
    parts = path.split("/") if path else []
    return [("/".join(parts[: at + 1]), part) for at, part in enumerate(parts)]


async def _split(seen: Visit, rest: str) -> tuple[str, str]:
    """Split ``branch/with/slashes/path`` where a branch ends; else after the first part."""
    refs = await seen.unit.forge.bare(seen.repository).refs()
    names = [name.removeprefix("refs/heads/") for name in refs]
    for name in sorted(names, key=len, reverse=True):
        if f"{rest}/".startswith(f"{name}/"):
            return name, rest[len(name) + 1 :].strip("/")
    ref, _, path = rest.partition("/")
    return ref, path.strip("/")


async def _content(seen: Visit, ref: str, path: str) -> bytes:
    bare = seen.unit.forge.bare(seen.repository)
    sha = await bare.resolve(ref)
    entry = await bare.entry(sha, path) if sha and path else None
    if entry is None or entry.kind != "blob":
        raise not_found()
    return await bare.blob(entry.sha)
