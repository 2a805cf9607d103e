"""Merge pull requests, with real commits."""

from typing import Literal

from fastapi import APIRouter
from pydantic import BaseModel

from bot.demo.forge import acts, branches
from bot.demo.forge.bare import BareRepository, Signature
from bot.demo.forge.core import Json
from bot.demo.forge.problems import Problem
from bot.demo.forge.rest.access import AtContentsWrite, AtPulls, Place
from bot.demo.forge.tables import Account, Pull
from bot.demo.forge.views.pulls import base_tip

router = APIRouter(prefix="/repos/{owner}/{repo}/pulls/{number}")
_HEADS = "refs/heads/"


class Merge(BaseModel):
    """How to merge."""

    commit_title: str | None = None
    commit_message: str | None = None
    sha: str | None = None
    merge_method: Literal["merge", "squash", "rebase"] = "merge"


@router.get("/merge", status_code=204)
async def get_merged(at: AtPulls, number: int) -> None:
    """Check whether a pull request has been merged: 204, or else 404."""
    if (await at.pull(number)).merged_at is None:
        raise Problem(404, "Not Found")


@router.put("/merge")
async def merge(at: AtContentsWrite, number: int, wanted: Merge | None = None) -> Json:
    """Merge a pull request."""
    wanted = wanted or Merge()
    pull = await at.pull(number)
    bare = at.unit.forge.bare(at.repo)
    async with at.unit.forge.push_lock(at.repo):
        before = await bare.refs()
        sha = await _commit(at, bare, pull, wanted)
        await bare.update_ref(_HEADS + pull.base_ref, sha, pull.base_sha)
        after = await bare.refs()
    texts = [pull.issue.body or ""]
    texts += [row.message for row in await bare.log(f"{pull.base_sha}..{pull.head_sha}")]
    await _settle(at, pull, sha)
    await branches.moved(at.unit, at.repo, before, after)
    if pull.base_ref == at.repo.default_branch:
        await acts.close_mentioned(at.unit, at.repo, texts, pull)
    return {"sha": sha, "merged": True, "message": "Pull Request successfully merged"}


async def _commit(at: Place, bare: BareRepository, pull: Pull, wanted: Merge) -> str:
    if pull.issue.state != "open":
        raise Problem(405, "Pull Request is not mergeable")
    if pull.draft:
        raise Problem(405, "Pull Request is still a draft")
    if wanted.merge_method == "rebase":
        raise Problem(405, "Rebase merges are not allowed on this repository.")
    if wanted.sha and wanted.sha != pull.head_sha:
        raise Problem(409, "Head branch was modified. Review and try the merge again.")
    pull.base_sha = await base_tip(at.unit, at.repo, pull)
    tree = await bare.merged_tree(pull.base_sha, pull.head_sha)
    if tree is None:
        raise Problem(405, "Pull Request is not mergeable")
    parents = [pull.base_sha]
    if wanted.merge_method == "merge":
        parents.append(pull.head_sha)
    signature = signature_of(at, at.user)
    return await bare.commit_tree(tree, parents, signature, signature, _message(at, pull, wanted))


def _message(at: Place, pull: Pull, wanted: Merge) -> str:
    issue = pull.issue
    if wanted.merge_method == "squash":
        title, text = f"{issue.title} (#{issue.number})", ""
    else:
        title = f"Merge pull request #{issue.number} from {at.repo.owner.login}/{pull.head_ref}"
        text = issue.title
    title = wanted.commit_title or title
    text = text if wanted.commit_message is None else wanted.commit_message
    return f"{title}\n\n{text}".rstrip() + "\n"


def signature_of(at: Place, account: Account) -> Signature:
    """Sign as an account, at the forge's time."""
    email = account.email or f"{account.id}+{account.login}@users.noreply.github.com"
    return Signature(account.name or account.login, email, at.unit.now.isoformat())


async def _settle(at: Place, pull: Pull, sha: str) -> None:
    pull.merged_at, pull.merged_by, pull.merge_commit_sha = at.unit.now, at.user, sha
    acts.note(at.unit, pull.issue, "merged", sha=sha, into=pull.base_ref)
    await acts.close(at.unit, at.repo, pull.issue, None)
