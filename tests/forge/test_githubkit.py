from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from githubkit import AppAuthStrategy, GitHub, TokenAuthStrategy
from githubkit.exception import GraphQLFailed, RequestFailed

from tests.forge.world import World, pem, private_key

_FIX = {"parcel/weight.py": "def total(weights):\n    return 0\n"}
_REPO = ("alice", "parcel")
_READY = (
    "mutation($id: ID!) { markPullRequestReadyForReview(input: {pullRequestId: $id}) "
    "{ pullRequest { isDraft } } }"
)


async def test_githubkit_takes_it_for_github(world: World, tmp_path: Path) -> None:
    """The real client finds its installation, gets a token, and does what Baton does."""
    world.clock.moment = datetime.now(UTC)  # githubkit's JWT carries the machine's time
    sha = await world.branch(tmp_path, "fix", _FIX)
    base: dict[str, Any] = {
        "base_url": f"{world.url}/api/v3/",
        "http_cache": False,
        "auto_retry": False,
        "timeout": 30,
    }
    async with GitHub(AppAuthStrategy("1", pem(private_key())), **base) as app:
        found = (await app.rest.apps.async_get_repo_installation(*_REPO)).parsed_data
        assert found.app_slug == "baton"
        bot = app.with_auth(app.auth.as_installation(found.id))
        issue = await bot.rest.issues.async_create(*_REPO, title="One", labels=["bug"])
        assert issue.parsed_data.number == 1
        comment = await bot.rest.issues.async_create_comment(*_REPO, 1, body="Hello")
        assert comment.parsed_data.user
        assert comment.parsed_data.user.login == "baton[bot]"
        await bot.rest.reactions.async_create_for_issue_comment(*_REPO, 1, content="eyes")
        pull = await bot.rest.pulls.async_create(
            *_REPO, title="Fix", head="fix", base="main", draft=True, body="Closes #1"
        )
        await bot.rest.checks.async_create(
            *_REPO, name="tests", head_sha=sha, status="completed", conclusion="success"
        )
        await bot.async_graphql(_READY, variables={"id": pull.parsed_data.node_id})
        with pytest.raises(GraphQLFailed):
            await bot.async_graphql("{ nonsense }")
        level = await bot.rest.repos.async_get_collaborator_permission_level(*_REPO, "bob")
        assert level.parsed_data.role_name == "write"
        listed = bot.rest.paginate(
            bot.rest.issues.async_list_for_repo, owner="alice", repo="parcel", per_page=1
        )
        assert [one.number async for one in listed] == [2, 1]
    async with GitHub(TokenAuthStrategy("token-of-alice"), **base) as alice:
        review = await alice.rest.pulls.async_create_review(*_REPO, 2, event="APPROVE")
        assert review.parsed_data.state == "APPROVED"
        with pytest.raises(RequestFailed) as refused:
            await alice.rest.pulls.async_merge(*_REPO, 2, sha="0" * 40)
        assert refused.value.response.status_code == 409
        merged = await alice.rest.pulls.async_merge(*_REPO, 2)
        assert merged.parsed_data.merged
        closed = await alice.rest.issues.async_get(*_REPO, 1)
        assert closed.parsed_data.state == "closed"
