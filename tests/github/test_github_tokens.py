from datetime import UTC, datetime, timedelta

import pytest
from pydantic import SecretStr
from starlette.responses import JSONResponse, Response

from shared.domain import RepoRef
from shared.errors import GitHubUnavailable, Refused
from shared.github import GitHub, GitHubUrls, Pace
from tests.github.conftest import Line, as_github

REF = RepoRef(owner="o", name="r")
BRANCH = "GET /api/v3/repos/o/r/branches/main"
FIND = "GET /api/v3/repos/o/r/installation"
MINT = "POST /api/v3/app/installations/5/access_tokens"
INSTALLED = JSONResponse({"id": 5})


def _token(name: str, minutes: float) -> Response:
    # To the microsecond: real servers send whole seconds, others do not.
    expires = (datetime.now(UTC) + timedelta(minutes=minutes)).isoformat()
    return JSONResponse({"token": name, "expires_at": expires}, 201)


def _app(line: Line, key: SecretStr) -> GitHub:
    async def sleep(seconds: float) -> None:
        line.naps.append(seconds)

    return GitHub.as_app(1, key, GitHubUrls.of_server(line.url), pace=Pace(sleep=sleep))


async def test_token_is_kept_until_it_expires(line: Line, app_key: tuple[SecretStr, str]) -> None:
    """One token serves many requests; one that is about to expire is replaced before its use."""
    github = _app(line, app_key[0])
    line.server.answers = [INSTALLED, INSTALLED, _token("old", 0.5), 200, INSTALLED]
    line.server.answers += [_token("new", 60), 200, 200]
    repo = await github.repo(REF)
    for _ in range(3):
        await repo.branch("main")
    assert line.server.asked == [FIND, FIND, MINT, BRANCH, FIND, MINT, BRANCH, BRANCH]
    used = [h["authorization"] for h in line.server.headers]
    assert [one for one in used if "eyJ" not in one] == ["Bearer old", "Bearer new", "Bearer new"]
    await github.aclose()


async def test_app_speaks_for_itself_only_where_it_must(
    line: Line, app_key: tuple[SecretStr, str]
) -> None:
    """A file called `installation` is read with the installation's token, not with the App's."""
    github = _app(line, app_key[0])
    file = JSONResponse({"type": "file", "encoding": "base64", "content": "aGk="})
    line.server.answers = [INSTALLED, INSTALLED, _token("t", 60), file]
    assert await (await github.repo(REF)).file("installation", "main") == "hi"
    assert line.server.headers[-1]["authorization"] == "Bearer t"
    await github.aclose()


async def test_reinstalled_app(line: Line, app_key: tuple[SecretStr, str]) -> None:
    """After the App was removed and installed again, the new installation is used by itself."""
    github = _app(line, app_key[0])
    line.server.answers = [INSTALLED, INSTALLED, _token("t", 60), as_github(401)]
    line.server.answers += [JSONResponse({"id": 6}), _token("u", 60), 200]
    await (await github.repo(REF)).branch("main")
    assert line.server.asked[-2:] == [MINT.replace("5", "6"), BRANCH]
    await github.aclose()


async def test_two_refusals_are_an_error(line: Line, app_key: tuple[SecretStr, str]) -> None:
    """A fresh token that is refused as well is an error, not a loop."""
    github = _app(line, app_key[0])
    line.server.answers = [INSTALLED, INSTALLED, _token("t", 60), as_github(401)]
    line.server.answers += [INSTALLED, _token("u", 60), as_github(401)]
    with pytest.raises(Refused, match="does not know these credentials"):
        await (await github.repo(REF)).branch("main")
    await github.aclose()


async def test_trouble_with_the_token_is_told_as_such(
    line: Line, app_key: tuple[SecretStr, str]
) -> None:
    """When no token can be had the error names that request, and a suspended App says so."""
    github = _app(line, app_key[0])
    line.server.answers = [INSTALLED]
    repo = await github.repo(REF)
    line.server.answers = [INSTALLED, *[502] * 4]
    with pytest.raises(GitHubUnavailable, match="POST /app/installations/5/access_tokens"):
        await repo.branch("main")
    line.server.answers = [INSTALLED, as_github(403, "This installation has been suspended")]
    with pytest.raises(Refused, match="This installation has been suspended"):
        await repo.add_labels(1, ["bug"])
    await github.aclose()


async def test_identity_does_not_hang_on_one_installation(
    line: Line, app_key: tuple[SecretStr, str]
) -> None:
    """When the first installation is gone, Baton still finds out who it is, without a token."""
    github = _app(line, app_key[0])
    line.server.answers = [INSTALLED]
    await github.repo(REF)
    line.server.answers = [JSONResponse({"slug": "baton"}), as_github(404)]
    line.server.answers += [JSONResponse({"login": "baton[bot]", "id": 7})]
    assert (await github.identity()).email == "7+baton[bot]@users.noreply.127.0.0.1"
    assert "authorization" not in line.server.headers[-1]
    await github.aclose()
