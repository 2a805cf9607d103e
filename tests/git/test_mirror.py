import asyncio
import os
from pathlib import Path

import psutil
import pytest
from pydantic import SecretStr

from shared.errors import ConfigurationError, GitError, PushRejected
from shared.git import Mirror
from shared.git.command import Git
from tests.git.conftest import Bench, committed
from tests.git.remote import TOKEN, Remote, basic, git


async def test_fetch_brings_branches_and_tags(bench: Bench) -> None:
    """Branches, tags and full names resolve to commits after a fetch."""
    assert await bench.mirror.resolve("v1") == bench.base
    assert await bench.mirror.resolve(bench.base) == bench.base
    assert await bench.mirror.has(bench.base)
    assert not await bench.mirror.has("0" * 40)


async def test_fetch_follows_the_remote(bench: Bench, tmp_path: Path) -> None:
    """New and rewritten branches arrive, deleted ones go."""
    work = tmp_path / "remote" / "seed"
    git("remote", "add", "origin", "../r.git", cwd=work)
    git("push", "--quiet", "origin", "HEAD:refs/heads/old", cwd=work)
    await bench.mirror.fetch()
    assert await bench.mirror.resolve("old") == bench.base
    git("commit", "--quiet", "--amend", "--message=rewritten", cwd=work)
    git("push", "--quiet", "--force", "origin", "HEAD:refs/heads/main", ":old", cwd=work)
    await bench.mirror.fetch()
    assert await bench.mirror.resolve("main") == git("rev-parse", "HEAD", cwd=work)
    with pytest.raises(GitError, match="has no branch, tag or commit 'old'"):
        await bench.mirror.resolve("old")


@pytest.mark.parametrize("ref", ["--help", "-", "", "no such", "main..main", "x\ny"])
async def test_odd_refs_are_refused(bench: Bench, ref: str) -> None:
    """Whatever is asked for is a name to look up, never an option."""
    with pytest.raises(GitError, match="has no branch, tag or commit"):
        await bench.mirror.resolve(ref)


@pytest.mark.parametrize("sha", ["main", "--output=/tmp/x", "HEAD", "0" * 39, "A" * 40])
async def test_commits_go_by_their_full_name(bench: Bench, sha: str) -> None:
    """Where a commit is expected, nothing else is handed to git."""
    with pytest.raises(GitError, match="is not the full name of a commit"):
        await bench.tree.reset(sha)
    with pytest.raises(GitError, match="is not the full name of a commit"):
        await bench.tree.diff(sha, bench.base)
    with pytest.raises(GitError, match="is not the full name of a commit"):
        await bench.mirror.push(sha, "baton/x")


@pytest.mark.parametrize(
    "url", ["ssh://git@host/x", "ext::sh -c id", "git://host/x", "https://user:pw@host/x"]
)
def test_only_plain_addresses_are_taken(tmp_path: Path, url: str) -> None:
    """Addresses that carry secrets or run programs are refused."""
    with pytest.raises(ConfigurationError, match="holds neither user nor password"):
        Mirror(tmp_path / "m.git", url, _no_credentials)


async def test_push_is_idempotent(bench: Bench) -> None:
    """Pushing the same commit again is a success that changes nothing."""
    sha = await bench.commit()
    assert await bench.mirror.remote_branch("baton/x") is None
    await bench.mirror.push(sha, "baton/x")
    await bench.mirror.push(sha, "baton/x")
    await bench.mirror.push(sha, "baton/x", expected=bench.base)
    assert await bench.mirror.remote_branch("baton/x") == sha


async def test_push_goes_forward(bench: Bench) -> None:
    """A commit that follows the branch is pushed, with or without naming what is expected."""
    first = await bench.commit("one")
    await bench.mirror.push(first, "baton/x")
    second = await bench.commit("two")
    await bench.mirror.push(second, "baton/x", expected=first)
    third = await bench.commit("three")
    await bench.mirror.push(third, "baton/x")
    assert await bench.mirror.remote_branch("baton/x") == third


async def test_a_moved_branch_is_left_alone(bench: Bench) -> None:
    """A branch with somebody else's commits is never overwritten."""
    theirs = await bench.commit("theirs")
    await bench.mirror.push(theirs, "baton/x")
    await bench.tree.reset(bench.base)
    ours = await bench.commit("ours")
    for expected in (None, bench.base, ours):
        with pytest.raises(PushRejected, match=r"baton/x .* nothing was pushed"):
            await bench.mirror.push(ours, "baton/x", expected=expected)
    assert await bench.mirror.remote_branch("baton/x") == theirs


async def test_a_branch_moved_by_an_unknown_commit_is_left_alone(
    bench: Bench, tmp_path: Path
) -> None:
    """The same holds when the other commit was never fetched."""
    work = tmp_path / "remote" / "seed"
    git("commit", "--quiet", "--allow-empty", "--message=theirs", cwd=work)
    git("push", "--quiet", "../r.git", "HEAD:refs/heads/baton/x", cwd=work)
    ours = await bench.commit()
    with pytest.raises(PushRejected):
        await bench.mirror.push(ours, "baton/x")
    assert await bench.mirror.remote_branch("baton/x") == git("rev-parse", "HEAD", cwd=work)


async def test_a_refusal_of_the_remote_is_passed_on(bench: Bench, tmp_path: Path) -> None:
    """What the remote says when it declines a push reaches the reader."""
    hook = tmp_path / "remote" / "r.git" / "hooks" / "pre-receive"
    hook.write_text("#!/bin/sh\necho workflows may not be changed >&2\nexit 1\n")
    hook.chmod(0o755)
    sha = await bench.commit()
    with pytest.raises(GitError, match=r"hook declined.*workflows may not be") as caught:
        await bench.mirror.push(sha, "baton/x")
    assert not isinstance(caught.value, PushRejected)


@pytest.mark.parametrize("branch", ["", "a..b", "-x y", "a\nb", "x.lock", "/x"])
async def test_odd_branches_are_refused(bench: Bench, branch: str) -> None:
    """A branch that git would not accept is refused before anything is sent."""
    with pytest.raises(GitError, match="is not a name that git accepts"):
        await bench.mirror.push(bench.base, branch)


async def test_a_run_killed_before_the_push_goes_on(bench: Bench, tmp_path: Path) -> None:
    """After a kill between commit and push, new objects find the commit and push it."""
    sha = await bench.commit()
    again = bench.remote.mirror(tmp_path / "mirror.git")
    tree = await again.add_worktree(bench.tree.path, bench.base)
    assert await tree.head() == sha
    await again.fetch()
    await again.push(await committed(tree, "Add new.txt"), "baton/x")
    assert await again.remote_branch("baton/x") == sha


async def test_locks_of_a_killed_process_are_removed(bench: Bench, tmp_path: Path) -> None:
    """A lock that is older than this process blocks nothing; a younger one is respected."""
    locks = [bench.tree.git_dir / "index.lock", tmp_path / "mirror.git/refs/heads/main.lock"]
    for lock in locks:
        lock.write_text("")
        os.utime(lock, (1, 1))
    tree = bench.mirror.worktree(bench.tree.path)
    bench.write("new.txt")
    assert await committed(tree, "Add") != bench.base
    await bench.mirror.fetch()
    locks[0].write_text("")
    bench.write("newer.txt")
    with pytest.raises(GitError, match=r"index\.lock"):
        await committed(tree, "Add")


async def test_a_cancelled_git_takes_its_lock_away(bench: Bench) -> None:
    """Work that is ended in the midst of a change blocks nobody who goes on in its worktree."""
    lock = bench.tree.git_dir / "index.lock"
    bench.write("new.txt")
    # While git waits for an editor it holds the index.
    roles = ("AUTHOR_NAME", "AUTHOR_EMAIL", "COMMITTER_NAME", "COMMITTER_EMAIL")
    people = {f"GIT_{role}": "x" for role in roles}
    editing = Git(bench.tree.git_dir, bench.tree.path).run(
        *("commit", "--all", "--allow-empty"), environment={"GIT_EDITOR": "sleep 60 #", **people}
    )
    task = asyncio.create_task(editing)
    async with asyncio.timeout(30):
        while not lock.exists():  # noqa: ASYNC110  git says it by this file alone
            await asyncio.sleep(0.01)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert not lock.exists()
    assert await committed(bench.tree, "Add") != bench.base


async def test_a_half_made_worktree_is_made_again(bench: Bench) -> None:
    """A worktree whose checkout was cut off is checked out anew."""
    (bench.tree.git_dir / "locked").write_text("initializing\n")
    (bench.tree.path / "a.txt").unlink()
    with pytest.raises(GitError, match="There is no worktree"):
        bench.mirror.worktree(bench.tree.path)
    tree = await bench.mirror.add_worktree(bench.tree.path, bench.base)
    assert (tree.path / "a.txt").read_text() == "a\n"


async def test_a_worktree_stays_as_it_stands(bench: Bench) -> None:
    """Adding a worktree a second time changes nothing in it."""
    sha = await bench.commit()
    bench.write("unfinished")
    tree = await bench.mirror.add_worktree(bench.tree.path, bench.base)
    assert await tree.head() == sha
    assert (tree.path / "unfinished").exists()


async def test_removing_a_worktree_leaves_its_commits(bench: Bench) -> None:
    """Files and registration go, commits stay; doing it again is no error."""
    sha = await bench.commit()
    (bench.tree.path / "closed").mkdir(mode=0)
    await bench.mirror.remove_worktree(bench.tree.path)
    await bench.mirror.remove_worktree(bench.tree.path)
    assert not bench.tree.path.exists()
    assert not bench.tree.git_dir.exists()
    assert await bench.mirror.has(sha)


async def test_worktrees_are_apart(bench: Bench, tmp_path: Path) -> None:
    """Several worktrees of one mirror, of the same name too, do not disturb each other."""
    paths = [tmp_path / "runs" / str(i) / "tree" for i in range(3)]
    trees = await asyncio.gather(*(bench.mirror.add_worktree(p, bench.base) for p in paths))
    for i, tree in enumerate(trees):
        (tree.path / "f").write_text(str(i))
    shas = await asyncio.gather(*(committed(tree, "Add f") for tree in trees))
    assert len(set(shas)) == 3
    assert [await bench.mirror.worktree(p).head() for p in paths] == list(shas)


async def test_a_local_repository_needs_no_server(tmp_path: Path, bench: Bench) -> None:
    """A path serves as an address."""
    mirror = Mirror(tmp_path / "local.git", str(tmp_path / "remote" / "r.git"), _no_credentials)
    await mirror.fetch()
    assert await mirror.resolve("main") == bench.base


async def test_a_wrong_token_says_what_to_check(remote: Remote, tmp_path: Path) -> None:
    """Refused credentials end at once, with advice and without the token."""
    with pytest.raises(GitError, match="check that the app or token may read and write") as caught:
        await remote.mirror(tmp_path / "m.git", token="ghs_wrong").fetch()
    assert "ghs_wrong" not in str(caught.value)


async def test_without_a_token_nothing_is_asked(remote: Remote, tmp_path: Path) -> None:
    """A public repository is fetched without a token, a private one is refused at once."""
    with pytest.raises(GitError, match="refused the credentials"):
        await remote.mirror(tmp_path / "m.git", token=None).fetch()
    remote.token = ""
    await remote.mirror(tmp_path / "m.git", token=None).fetch()


async def test_another_host_gets_nothing(remote: Remote, tmp_path: Path) -> None:
    """A redirect is refused, and the place it points to is never asked, let alone told."""
    async with Remote(tmp_path / "remote").serving() as other:
        remote.elsewhere = other.url
        with pytest.raises(GitError, match="set the repository's present address"):
            await remote.mirror(tmp_path / "m.git").fetch()
        assert other.authorizations == []
    assert basic(TOKEN) not in remote.authorizations


async def test_a_host_that_asks_in_anothers_name_gets_nothing(
    remote: Remote, tmp_path: Path
) -> None:
    """A token belongs to scheme, host and port: the same machine's other port is a stranger."""
    mirror = remote.mirror(tmp_path / "m.git")
    async with Remote(tmp_path / "remote").serving() as other:
        mirror.url = f"{other.url}/r.git"
        with pytest.raises(GitError, match="refused the credentials"):
            await mirror.fetch()
        assert set(other.authorizations) == {""}


async def test_the_token_is_seen_nowhere(bench: Bench, tmp_path: Path) -> None:
    """While git talks, the token is in no argv; afterwards it is in no file."""
    bench.remote.go_on.clear()
    bench.remote.held.clear()
    push = asyncio.create_task(bench.mirror.push(await bench.commit(), "baton/x"))
    await bench.remote.held.wait()
    family = psutil.Process().children(recursive=True)
    arguments = [" ".join(process.cmdline()) for process in family]
    bench.remote.go_on.set()
    await push
    assert [line for line in arguments if " push " in line]
    assert [line for line in arguments if TOKEN in line or basic(TOKEN)[6:] in line] == []
    assert basic(TOKEN) in bench.remote.authorizations
    assert files_with(TOKEN, tmp_path) == []


async def test_secrets_of_this_process_stay_here(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Git gets the token and a few harmless variables, not what else the service holds."""
    monkeypatch.setenv("BATON_WEBHOOK_SECRET", "must-not-travel")
    monkeypatch.setenv("GIT_DIR", str(tmp_path / "elsewhere"))
    monkeypatch.setenv("GIT_SSH_COMMAND", f"touch {tmp_path}/ran")
    bench.remote.go_on.clear()
    bench.remote.held.clear()
    fetch = asyncio.create_task(bench.mirror.fetch())
    await bench.remote.held.wait()
    # What starts with env is not git yet: env takes the variables out.
    gits = [p for p in psutil.Process().children(recursive=True) if p.name().startswith("git")]
    environments = [process.environ() for process in gits]
    bench.remote.go_on.set()
    await fetch
    assert environments
    for environment in environments:
        assert "must-not-travel" not in environment.values()
        assert environment["HOME"] == os.devnull
        assert environment.get("GIT_DIR") != str(tmp_path / "elsewhere")
        assert "GIT_SSH_COMMAND" not in environment


async def test_cancelling_kills_git(bench: Bench) -> None:
    """A cancelled conversation leaves no git behind, and the mirror usable."""
    bench.remote.go_on.clear()
    bench.remote.held.clear()
    fetch = asyncio.create_task(bench.mirror.fetch())
    await bench.remote.held.wait()
    gits = [p for p in psutil.Process().children(recursive=True) if p.name().startswith("git")]
    assert gits
    fetch.cancel()
    with pytest.raises(asyncio.CancelledError):
        await fetch
    bench.remote.go_on.set()
    assert psutil.wait_procs(gits, timeout=10)[1] == []
    await bench.mirror.fetch()


async def test_an_unreachable_remote_says_so(tmp_path: Path) -> None:
    """A server that is not there gives advice, not a traceback."""
    mirror = Mirror(tmp_path / "m.git", "http://127.0.0.1:1/r.git", _no_credentials)
    with pytest.raises(GitError, match="check the address and the network"):
        await mirror.fetch()


async def test_a_missing_repository_says_so(remote: Remote, tmp_path: Path) -> None:
    """A repository that the remote does not have is named as such."""
    mirror = remote.mirror(tmp_path / "m.git")
    mirror.url = mirror.url.replace("r.git", "gone.git")
    with pytest.raises(GitError, match="There is no such repository"):
        await mirror.fetch()


def files_with(text: str, top: Path) -> list[Path]:
    """List the files below a directory that hold a text."""
    files = [path for path in top.rglob("*") if path.is_file()]
    assert files
    return [path for path in files if text.encode() in path.read_bytes()]


async def _no_credentials() -> SecretStr | None:
    return None
