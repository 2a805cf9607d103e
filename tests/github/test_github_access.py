import pytest
from pydantic import SecretStr
from sqlalchemy import func, select

from bot.demo.forge.tables import InstallationToken
from shared.domain import RepoRef
from shared.errors import ConfigurationError, NotFound, Refused
from shared.github import (
    GitHub,
    GitHubUrls,
    Pace,
)
from tests.github.conftest import ALICE, REF, Hub, check, comments


async def test_git_token_reaches_this_repository_only(hub: Hub) -> None:
    """The token for git is fresh, for this repository's contents, and not in the address."""
    token = await hub.repo.git_token()
    assert token.get_secret_value().startswith("ghs_")
    assert hub.repo.clone_url == f"{hub.url}/{REF}.git"
    assert hub.repo.url == f"{hub.url}/{REF}"
    async with hub.forge._sessions() as session:  # noqa: SLF001  nobody else tells the scope
        rows = list(await session.scalars(select(InstallationToken)))
    narrow = [row for row in rows if set(row.permissions) <= {"contents", "metadata"}]
    assert len(narrow) == 1
    assert all(row.repository_ids is not None and len(row.repository_ids) == 1 for row in rows)
    assert await hub.repo.git_token() == token


async def test_refused_token_is_replaced(hub: Hub, issue: int) -> None:
    """When GitHub no longer takes the token a new one is fetched, and the write happens once."""
    await hub.repo.issue(issue)
    hub.faults.fail("POST", r"/comments$", status=401)
    await hub.repo.post_once(issue, "n 1", "once")
    assert len(await comments(hub, issue)) == 1
    async with hub.forge._sessions() as session:  # noqa: SLF001  as above
        assert await session.scalar(select(func.count()).select_from(InstallationToken)) == 2


async def test_rate_limit_is_waited_for(hub: Hub, issue: int) -> None:
    """A secondary limit on a comment is waited for as told, and the comment is there once."""
    hub.faults.fail("POST", r"/comments$", status=403, headers={"retry-after": "9"})
    await hub.repo.post_once(issue, "n 1", "once")
    assert hub.naps == [9]
    assert len(await comments(hub, issue)) == 1


async def test_not_installed(hub: Hub) -> None:
    """A repository without the App is an error that says to install it."""
    with pytest.raises(NotFound, match=r"Baton is not installed on alice/none.*Install the App"):
        await hub.github.repo(RepoRef(owner="alice", name="none"))


async def test_wrong_app_id(hub: Hub) -> None:
    """The id of another App is an error that names the two settings to compare."""
    stranger = GitHub.as_app(99, hub.key, hub.github.urls, pace=Pace(write_spacing=0))
    with pytest.raises(Refused, match="BATON_APP_ID and BATON_PRIVATE_KEY_FILE"):
        await stranger.repo(REF)
    await stranger.aclose()


async def test_token_mode(hub: Hub, issue: int) -> None:
    """With a person's token Baton acts as that person, and git gets the same token."""
    github = GitHub.with_token(ALICE, hub.github.urls, pace=Pace(write_spacing=0))
    me = await github.identity()
    assert (me.login, me.email) == ("alice", f"{me.id}+alice@users.noreply.127.0.0.1")
    repo = await github.repo(REF)
    comment = await repo.upsert_comment(issue, "status 1", "hello")
    assert (await repo.upsert_comment(issue, "status 1", "again")).id == comment.id
    assert comment.author == "alice"
    assert await repo.git_token() == ALICE
    with pytest.raises(Refused, match="authenticate via a GitHub App"):
        await repo.ensure_check_run(check((await repo.default_branch()).sha))
    with pytest.raises(NotFound):
        await github.repo(RepoRef(owner="alice", name="none"))
    await github.aclose()


@pytest.mark.parametrize(
    "key", ["", "not a key", "-----BEGIN RSA PRIVATE KEY-----\nAAAA\n-----END"]
)
def test_bad_keys_stop_the_start(key: str) -> None:
    """A key that cannot be read is told at the start, without its text."""
    with pytest.raises(ConfigurationError, match=r"\.pem file") as refusal:
        GitHub.as_app(1, SecretStr(key), GitHubUrls())
    assert not key or key not in str(refusal.value)
    with pytest.raises(ConfigurationError, match="BATON_GITHUB_TOKEN"):
        GitHub.with_token(SecretStr("  \n"))
