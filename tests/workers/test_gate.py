import gzip

import httpx
import pytest
from sqlmodel import update
from sqlmodel.ext.asyncio.session import AsyncSession

from shared.errors import GitError
from shared.git.run_copy import RunCopy
from shared.store import GrantRow, WorkerRow
from tests.forge.git import git
from tests.git.remote import basic
from tests.workers.house import OTHER_TOKEN, TOKEN, WORKER, Door

_NOTHING = "0" * 40
_REFUSED = r"Authentication failed|could not read Username"


@pytest.fixture
async def copy(door: Door) -> RunCopy:
    """A worker's copy that has fetched what the run has."""
    copy = door.copy("copy")
    await copy.obtain(door.base)
    return copy


async def raw(door: Door, copy: RunCopy, *words: str, token: str = TOKEN, repo: str = "") -> str:
    """Let plain git, which keeps no rule of ours, talk to the gateway with a token."""
    header = ("-c", f"http.extraHeader=Authorization: {basic(token)}")
    verb, *rest = words
    address = door.address(repo) if repo else door.address()
    return await git("--git-dir", str(copy.path), *header, verb, address, *rest)


async def test_workers_hand_a_run_on(door: Door, copy: RunCopy) -> None:
    """What one worker shares, another one has by name; sharing twice changes nothing."""
    sha = await door.commit(copy)
    await copy.share(sha)
    await door.copy("copy").share(sha)
    assert await door.mirror.has(sha)
    heir = door.copy("heir")
    await heir.obtain(sha)
    assert await heir.has(sha)
    assert f"{door.refs}/{sha}" in await door.names()


async def test_a_run_sees_nothing_but_its_own_commits(door: Door, copy: RunCopy) -> None:
    """Branches, tags, other runs' states and the head are hidden."""
    listed = await raw(door, copy, "ls-remote")
    assert [line.split()[1] for line in listed.splitlines()] == [f"{door.refs}/{door.base}"]


@pytest.mark.parametrize("version", ["0", "1", "2"])
async def test_what_is_hidden_cannot_be_asked_for_by_name(
    door: Door, copy: RunCopy, version: str
) -> None:
    """Who knows the commit of a hidden branch does not get it, in any version of the protocol."""
    secret = await door.mirror.resolve("secret")
    with pytest.raises(RuntimeError, match=r"not our ref|unadvertised object"):
        await git(
            *("--git-dir", str(copy.path), "-c", f"protocol.version={version}"),
            *("-c", f"http.extraHeader=Authorization: {basic(TOKEN)}"),
            *("fetch", door.address(), secret),
        )
    assert not await copy.has(secret)


@pytest.mark.parametrize(
    "ref",
    [
        "refs/heads/mine",
        "refs/heads/master",
        "refs/tags/v1",
        "refs/pull/1/head",
        "refs/baton/71.1/{sha}",
        "refs/baton/7.10/{sha}",
        "refs/baton/7/{sha}",
        "refs/baton/7.1/other-name",
        "refs/baton/7.1/{sha}/deeper",
        "refs/baton/7.1",
    ],
)
async def test_pushes_go_to_the_run_alone(door: Door, copy: RunCopy, ref: str) -> None:
    """No branch, no tag, no other run, no other name: refused, and nothing has moved."""
    before = await door.names()
    sha = await door.commit(copy)
    with pytest.raises(RuntimeError, match=r"403|funny refname"):
        await raw(door, copy, "push", f"+{sha}:{ref.format(sha=sha)}")
    assert await door.names() == before
    assert not await door.mirror.has(sha)


async def test_one_bad_ref_spoils_a_push(door: Door, copy: RunCopy) -> None:
    """A push of which a part is allowed is refused as a whole."""
    before = await door.names()
    sha = await door.commit(copy)
    with pytest.raises(RuntimeError, match="403"):
        await raw(door, copy, "push", f"{sha}:{door.refs}/{sha}", f"{sha}:refs/heads/mine")
    assert await door.names() == before


async def test_nothing_is_deleted_or_moved(door: Door, copy: RunCopy) -> None:
    """What a run has left stays, its own states included."""
    sha = await door.commit(copy)
    await copy.share(sha)
    other = await door.commit(copy, "Other work")
    for words in (f":{door.refs}/{sha}", f"+{other}:{door.refs}/{sha}"):
        with pytest.raises(RuntimeError, match="403"):
            await raw(door, copy, "push", words)
    assert f"{door.refs}/{sha}" in await door.names()


async def post(door: Door, body: bytes, **headers: str) -> httpx.Response:
    """Send the body of a push by hand."""
    async with httpx.AsyncClient(trust_env=False) as client:
        return await client.post(
            f"{door.address()}/git-receive-pack",
            content=body,
            headers={
                "Authorization": basic(TOKEN),
                "Content-Type": "application/x-git-receive-pack-request",
                **headers,
            },
        )


def packet(line: str) -> bytes:
    """Frame a packet line."""
    return f"{len(line) + 4:04x}{line}".encode()


@pytest.mark.parametrize(
    "body",
    [
        packet("push-cert\0report-status\n") + b"0000",
        packet(f"shallow {'1' * 40}\n") + b"0000",
        packet(f"{_NOTHING} {'1' * 40} refs/heads/a\n{_NOTHING} {'1' * 40} refs/heads/b") + b"0000",
        packet(f"{_NOTHING} {'1' * 40} HEAD\n") + b"0000",
        b"0004" + packet(f"{_NOTHING} {'1' * 40} refs/heads/a\n") + b"0000",
        b"0001" + packet(f"{_NOTHING} {'1' * 40} refs/heads/a\n") + b"0000",
        b"+0a1",
        b"003",
        packet(f"{_NOTHING} {'1' * 40} refs/{'a' * 60_000}") * 2,
    ],
    ids=["cert", "shallow", "two", "head", "empty", "delimiter", "size", "early", "long"],
)
async def test_only_plain_pushes_are_read(door: Door, body: bytes) -> None:
    """Whatever is not a list of updates as git writes it never reaches git."""
    answer = await post(door, body)
    assert answer.status_code == 403
    assert "push" in answer.text


async def test_what_is_checked_is_what_git_reads(door: Door) -> None:
    """A compressed body, which git would unpack after the check, is refused."""
    line = packet(f"{_NOTHING} {door.base} refs/heads/mine\0report-status\n") + b"0000"
    answer = await post(door, gzip.compress(line), **{"Content-Encoding": "gzip"})
    assert answer.status_code == 415
    plain = await post(door, line)
    assert (plain.status_code, "refs/baton/7.1/" in plain.text) == (403, True)


async def test_a_push_to_somewhere_else_than_git_is_none(door: Door) -> None:
    """Only the two services of git are there: no file of the repository is served."""
    async with httpx.AsyncClient(trust_env=False) as client:
        for tail in ("HEAD", "config", "info/refs", "info/refs?service=git-upload-archive"):
            answer = await client.get(
                f"{door.address()}/{tail}", headers={"Authorization": basic(TOKEN)}
            )
            assert answer.status_code == 403


@pytest.mark.parametrize("token", ["", "wrong", TOKEN.upper(), "0" * 64])
async def test_strangers_are_asked_for_a_token(door: Door, copy: RunCopy, token: str) -> None:
    """No token and a wrong one are 401; git asks for credentials and gives up."""
    with pytest.raises(RuntimeError, match=_REFUSED):
        await raw(door, copy, "ls-remote", token=token)
    with pytest.raises(GitError, match="refused the credentials"):
        await door.copy("stranger", token).obtain(door.base)


async def test_the_digest_is_no_token(door: Door, copy: RunCopy) -> None:
    """Who reads the table of grants learns nothing to log in with."""
    async with AsyncSession(door.store.engine) as session:
        grant = await session.get_one(GrantRow, door.digest)
    with pytest.raises(RuntimeError, match=_REFUSED):
        await raw(door, copy, "ls-remote", token=grant.digest)


async def test_a_token_ends(door: Door, copy: RunCopy) -> None:
    """After its time a token is as good as a wrong one."""
    async with AsyncSession(door.store.engine) as session:
        await session.exec(update(GrantRow).values(expires_at=await door.workers.now() - 1))
        await session.commit()
    with pytest.raises(RuntimeError, match=_REFUSED):
        await raw(door, copy, "ls-remote")


@pytest.mark.parametrize("repo", ["alice/other", "alice/Parcel", "bob/parcel"])
async def test_a_token_is_for_one_repository(door: Door, copy: RunCopy, repo: str) -> None:
    """With the token of one repository there is no other, whether it exists or not."""
    with pytest.raises(RuntimeError, match="for another repository"):
        await raw(door, copy, "ls-remote", repo=repo)


async def test_a_token_is_for_one_run(door: Door, copy: RunCopy) -> None:
    """The token of another run of the same repository reaches that one only."""
    listed = await raw(door, copy, "ls-remote", token=OTHER_TOKEN)
    assert listed.split() == [door.base, f"refs/baton/71.1/{door.base}"]
    sha = await door.commit(copy)
    with pytest.raises(RuntimeError, match="403"):
        await raw(door, copy, "push", f"{sha}:{door.refs}/{sha}", token=OTHER_TOKEN)


async def test_a_worker_that_lost_the_run_is_shut_out(door: Door, copy: RunCopy) -> None:
    """A token does not outlive the build: handed on or ended, its holder gets nothing more."""
    sha = await door.commit(copy)
    door.builds.clear()
    with pytest.raises(RuntimeError, match="does not build this run any more"):
        await raw(door, copy, "ls-remote")
    with pytest.raises(GitError, match="error: 403"):
        await copy.share(sha)
    assert not await door.mirror.has(sha)


async def test_a_silent_worker_is_shut_out(door: Door, copy: RunCopy) -> None:
    """A worker that counts as gone has to register again before its tokens are good."""
    async with AsyncSession(door.store.engine) as session:
        await session.exec(update(WorkerRow).values(seen_at=await door.workers.now() - 60))
        await session.commit()
    with pytest.raises(RuntimeError, match="does not build this run any more"):
        await raw(door, copy, "ls-remote")
    assert await door.workers.beat(WORKER)
    assert await raw(door, copy, "ls-remote")


async def test_following_the_remote_leaves_runs_alone(door: Door, copy: RunCopy) -> None:
    """The mirror drops branches that are gone, and none of the states of runs."""
    sha = await door.commit(copy)
    await copy.share(sha)
    await git("-C", str(door.root / "remote"), "checkout", "--quiet", "master")
    await git("-C", str(door.root / "remote"), "branch", "-D", "secret")
    await door.mirror.fetch()
    names = await door.names()
    assert "refs/heads/secret" not in names
    assert f"{door.refs}/{sha}" in names
    await door.mirror.let_go(door.refs)
    assert not [name for name in await door.names() if name.startswith(door.refs)]
    assert f"refs/baton/71.1/{door.base}" in await door.names()
