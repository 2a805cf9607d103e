"""What follows when branches move: pushes are announced, pull requests move along."""

from collections.abc import Mapping

from sqlalchemy import select

from bot.demo.forge import acts
from bot.demo.forge.bare import BareRepository
from bot.demo.forge.core import Json, Unit
from bot.demo.forge.diffs import parse_diff
from bot.demo.forge.tables import Issue, Pull, Repository
from bot.demo.forge.views.commits import push_commit
from bot.demo.forge.views.repositories import repository as repository_view

NO_COMMIT = "0" * 40
_HEADS = "refs/heads/"
_MOST_COMMITS = 2048  # a push webhook carries no more


async def moved(
    unit: Unit, repo: Repository, before: Mapping[str, str], after: Mapping[str, str]
) -> None:
    """Tell the world about every branch that is not where it was."""
    changed = sorted(
        ref for ref in before.keys() | after.keys() if before.get(ref) != after.get(ref)
    )
    for ref in changed:
        old, new = before.get(ref, NO_COMMIT), after.get(ref, NO_COMMIT)
        repo.pushed_at = repo.updated_at = unit.now
        await announce_push(unit, repo, ref, old, new)
        await _move_pulls(unit, repo, ref.removeprefix(_HEADS), new)


async def announce_push(unit: Unit, repo: Repository, ref: str, old: str, new: str) -> None:
    """Send a ``push`` event."""
    bare = unit.forge.bare(repo)
    commits = await _new_commits(unit, repo, ref, old, new)
    forced = NO_COMMIT not in (old, new) and await bare.merge_base(old, new) != old
    html = unit.urls.repo_html(repo)
    payload = {
        "ref": ref,
        "before": old,
        "after": new,
        "base_ref": None,
        "created": old == NO_COMMIT,
        "deleted": new == NO_COMMIT,
        "forced": forced,
        "compare": f"{html}/compare/{old[:12]}...{new[:12]}",
        "commits": commits,
        "head_commit": commits[-1] if commits else await _head_commit(unit, repo, new),
        "pusher": {"name": unit.user.login, "email": unit.user.email or None},
        "repository": await push_repository(unit, repo),
    }
    await acts.announce(unit, "push", repo, payload)


async def push_repository(unit: Unit, repo: Repository) -> Json:
    """Write a repository as push events carry it."""
    return await repository_view(unit, repo) | {
        "created_at": int(repo.created_at.timestamp()),
        "pushed_at": int(repo.pushed_at.timestamp()),
        "stargazers": 0,
        "master_branch": repo.default_branch,
    }


async def _new_commits(unit: Unit, repo: Repository, ref: str, old: str, new: str) -> list[Json]:
    if new == NO_COMMIT:
        return []
    bare = unit.forge.bare(repo)
    others = [f"^{sha}" for name, sha in (await bare.refs()).items() if name != ref]
    exclude = others if old == NO_COMMIT else [f"^{old}"]
    commits = await bare.log(new, *exclude, limit=_MOST_COMMITS)
    return [await _push_commit(unit, repo, bare, row.sha) for row in reversed(commits)]


async def _head_commit(unit: Unit, repo: Repository, new: str) -> Json | None:
    if new == NO_COMMIT:
        return None
    return await _push_commit(unit, repo, unit.forge.bare(repo), new)


async def _push_commit(unit: Unit, repo: Repository, bare: BareRepository, sha: str) -> Json:
    (row,) = await bare.log(sha, limit=1)
    diff = parse_diff(await bare.diff(row.parents[0], sha)) if row.parents else ()
    return push_commit(unit, repo, row, diff)


async def _move_pulls(unit: Unit, repo: Repository, branch: str, new: str) -> None:
    query = (
        select(Issue)
        .join(Issue.pull_row)
        .where(Issue.repository_id == repo.id, Issue.state == "open", Pull.head_ref == branch)
    )
    for issue in await unit.session.scalars(query):
        pull = issue.pull
        if new == NO_COMMIT:
            await acts.close(unit, repo, issue, None)
        elif pull and pull.head_sha != new:
            await _synchronize(unit, repo, pull, new)


async def _synchronize(unit: Unit, repo: Repository, pull: Pull, new: str) -> None:
    bare, before = unit.forge.bare(repo), pull.head_sha
    pull.head_sha = new
    pull.base_sha = await bare.resolve(_HEADS + pull.base_ref) or pull.base_sha
    await bare.update_ref(f"refs/pull/{pull.issue.number}/head", new)
    count = await bare.count(f"{before}..{new}")
    acts.note(unit, pull.issue, "pushed", before=before, after=new, commits=count)
    await acts.announce_pull(unit, repo, pull, "synchronize", before=before, after=new)
