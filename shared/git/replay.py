"""Putting commits onto another base, without a worktree and without touching any ref."""

from collections.abc import Mapping
from pathlib import Path

from shared.domain import Value
from shared.errors import GitError
from shared.git.command import Git
from shared.git.shas import checked

_CONFLICT = 1  # exit code of `git merge-tree`; others are failures
_PERSON = "%an%x00%ae%x00%ad%x00%cn%x00%ce%x00%cd%x00%B"


class Replayed(Value):
    """The new commits by the old ones; or the files that both sides have changed differently."""

    commits: Mapping[str, str]
    conflicts: tuple[str, ...] = ()


async def replay(git_dir: Path, base: str, tip: str, onto: str) -> Replayed:
    """Make the commits from ``base`` to ``tip`` anew on top of ``onto``.

    Authors, dates and messages stay, so the same call makes the same commits. Raises GitError
    when a commit has more than one parent.
    """
    git = Git(git_dir)
    listed = await git.line("rev-list", "--reverse", "--parents", checked(tip), f"^{checked(base)}")
    made, at = {base: onto}, checked(onto)
    for line in listed.splitlines():
        sha, *parents = line.split()
        if len(parents) != 1:
            raise GitError(f"{sha} is a merge, which cannot be put onto another base.")
        tree, conflicts = await _picked(git, sha, parents[0], at)
        if conflicts:
            return Replayed(commits={}, conflicts=conflicts)
        at = await _copy(git, sha, tree, at)
        made[sha] = at
    return Replayed(commits=made)


async def _picked(git: Git, sha: str, parent: str, onto: str) -> tuple[str, tuple[str, ...]]:
    """Merge what one commit changed into another one's tree; return the tree, or the conflicts."""
    # The merge's base has to be the commit's own parent: so a stand-in for `onto` grows from it.
    who = {f"GIT_{r}_{k}": "baton" for r in ("AUTHOR", "COMMITTER") for k in ("NAME", "EMAIL")}
    dates = {f"GIT_{role}_DATE": "@0 +0000" for role in ("AUTHOR", "COMMITTER")}
    made = await git.run(
        *("commit-tree", f"{onto}^{{tree}}", "-p", parent, "-m", "stand-in"),
        environment=who | dates,
    )
    stand_in = made.decode().strip()
    code, out, err = await git.attempt(
        *("merge-tree", "--write-tree", "--name-only", "--no-messages", "-z", stand_in, sha)
    )
    tree, *names = out.decode(errors="replace").rstrip("\0").split("\0")
    if code == 0:
        return tree, ()
    if code == _CONFLICT:
        return "", tuple(names)
    raise git.failure("merge-tree", err)


async def _copy(git: Git, sha: str, tree: str, parent: str) -> str:
    told = await git.run("log", "-1", "--date=raw", f"--format={_PERSON}", sha)
    a_name, a_mail, a_date, c_name, c_mail, c_date, message = told.decode().split("\0", 6)
    people = {
        "GIT_AUTHOR_NAME": a_name,
        "GIT_AUTHOR_EMAIL": a_mail,
        "GIT_AUTHOR_DATE": a_date,
        "GIT_COMMITTER_NAME": c_name,
        "GIT_COMMITTER_EMAIL": c_mail,
        "GIT_COMMITTER_DATE": c_date,
    }
    out = await git.run(
        *("commit-tree", "-p", parent, "-F", "-", tree),
        stdin=f"{message.strip()}\n".encode(),
        environment=people,
    )
    return out.decode().strip()
