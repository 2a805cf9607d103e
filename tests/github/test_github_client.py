import asyncio
import logging

import pytest
from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response

from bot.serving import listen, serve
from shared.errors import GitHubError, GitHubUnavailable, NotFound, Refused
from shared.github import Branch
from shared.github.client import path
from tests.github.conftest import TOKEN, Hangup, Line, Scripted, Silence, as_github


async def test_reading_is_repeated_after_server_errors(line: Line) -> None:
    """A GET that met two server errors and a broken connection still gets its answer."""
    line.server.answers = [502, Hangup(), 503, 200]
    assert (await line.client.get("/x", Branch)).name == "main"
    assert line.server.asked == ["GET /api/v3/x"] * 4
    assert line.naps == [1, 2, 4]


async def test_reading_gives_up_after_four_attempts(line: Line) -> None:
    """A GitHub that stays down is an error that says so, after a bounded number of attempts."""
    line.server.answers = [502] * 9
    with pytest.raises(GitHubUnavailable, match=r"answered 502 on GET /x\. .*retry the run"):
        await line.client.get("/x", Branch)
    assert len(line.server.asked) == 4


@pytest.mark.parametrize("answer", [500, 502, 503, 504, Hangup()])
async def test_creating_is_never_repeated_blindly(line: Line, answer: int | Response) -> None:
    """A POST whose outcome nobody knows is sent once."""
    line.server.answers = [answer]
    with pytest.raises(GitHubUnavailable):
        await line.client.send("POST", "/x", body={})
    assert line.server.asked == ["POST /api/v3/x"]
    assert line.naps == []


@pytest.mark.parametrize("method", ["PUT", "PATCH", "DELETE"])
async def test_setting_is_repeated(line: Line, method: str) -> None:
    """Writes that set a state may be sent twice, so they are repeated."""
    line.server.answers = [502, 200]
    await line.client.send(method, "/x", body={})
    assert line.server.asked == [f"{method} /api/v3/x"] * 2


async def test_time_outs(line: Line) -> None:
    """An answer that does not come in time is an error for a POST; nothing is sent again."""
    line.server.answers = [Silence()]
    with pytest.raises(GitHubUnavailable, match="did not answer in time"):
        await line.connect(timeout=0.5).send("POST", "/x", body={})
    assert len(line.server.asked) == 1


async def test_what_never_left_is_sent_again(line: Line) -> None:
    """A POST that found no server was certainly not acted on: it is tried again, then given up."""
    closed = listen()
    closed.socket.close()
    with pytest.raises(GitHubUnavailable, match=r"could not be reached \(ConnectError\)"):
        await line.connect(at=closed.url).send("POST", "/x", body={})
    assert line.naps == [1, 2, 4]


@pytest.mark.parametrize("method", ["GET", "POST"])
@pytest.mark.parametrize(
    ("limit", "nap"),
    [
        (as_github(429, headers={"retry-after": "7"}), 7),
        (as_github(403, headers={"retry-after": "0"}), 1),
        (as_github(429), 60),
        (as_github(403, "You have exceeded a secondary rate limit. Please wait"), 60),
    ],
)
async def test_rate_limits_are_waited_for(
    line: Line, method: str, limit: Response, nap: float, caplog: pytest.LogCaptureFixture
) -> None:
    """A limit turns the request away unacted: any method waits as told, says so, and goes again."""
    caplog.set_level(logging.WARNING, "shared.github")
    line.server.answers = [limit, 200]
    await line.client.send(method, "/x")
    assert line.naps == [nap]
    (record,) = caplog.records
    assert record.getMessage() == f"GitHub limits the rate: {method} /x again in {nap} s"


async def test_long_limits_are_not_waited_for(line: Line) -> None:
    """A wait beyond the bound, alone or in sum, is an error that names the seconds."""
    line.server.answers = [as_github(403, headers={"retry-after": "3600"})]
    with pytest.raises(GitHubUnavailable, match="asks for 3600 s of rest before POST /x"):
        await line.client.send("POST", "/x")
    assert line.naps == []
    line.server.answers = [as_github(429, headers={"retry-after": "70"}) for _ in range(2)]
    with pytest.raises(GitHubUnavailable, match="70 s"):
        await line.client.send("GET", "/x")
    assert line.naps == [70]


async def test_spent_quota_is_no_lost_permission(line: Line) -> None:
    """A 403 with an empty quota is a rate limit until its reset, long past or not."""
    spent = {"x-ratelimit-remaining": "0", "x-ratelimit-reset": "1"}
    line.server.answers = [as_github(403, headers=spent), 200]
    await line.client.get("/x", Branch)
    assert line.naps == [1]


async def test_limit_with_a_date(line: Line) -> None:
    """A Retry-After that is a date does not break the client."""
    line.server.answers = [as_github(429, headers={"retry-after": "Sat, 21 Nov 2026 10:00:00 GMT"})]
    with pytest.raises(GitHubUnavailable, match="Retry the run later"):
        await line.client.send("GET", "/x")


@pytest.mark.parametrize(
    ("answer", "kind", "words"),
    [
        (as_github(401, "Bad credentials"), Refused, "BATON_PRIVATE_KEY_FILE belong together"),
        (as_github(404, "Not Found"), NotFound, "App is installed on the repository"),
        (as_github(403, "Repository was archived"), Refused, "Repository was archived"),
        (as_github(410, "This issue was deleted"), Refused, r"\(410\): This issue was deleted"),
        (
            as_github(
                403,
                "Resource not accessible by integration",
                {"x-accepted-github-permissions": "issues=write,metadata=read; contents=read"},
            ),
            Refused,
            "permission issues: write and metadata: read or contents: read.*Grant it in the App",
        ),
        (
            JSONResponse(
                {
                    "message": "Validation Failed",
                    "errors": [
                        {"resource": "Issue", "field": "title", "code": "missing_field"},
                        "body is too long",
                    ],
                },
                422,
            ),
            Refused,
            "Validation Failed; Issue title missing_field; body is too long",
        ),
        (HTMLResponse("<h1>proxy</h1>", 418), Refused, r"\(418\): no reason given"),
    ],
)
async def test_refusals_say_what_to_do(
    line: Line, answer: Response, kind: type[GitHubError], words: str
) -> None:
    """Each kind of no is the matching error, in a sentence with GitHub's own words."""
    line.server.answers = [answer]
    with pytest.raises(kind, match=words) as refusal:
        await line.client.send("POST", "/x", body={})
    assert type(refusal.value) is kind
    assert len(line.server.asked) == 1


@pytest.mark.parametrize(
    ("answer", "field"),
    [
        (HTMLResponse("<h1>Please log in to the hotel's network</h1>"), ""),
        (JSONResponse({"name": "main"}), " at the field `commit.sha`"),
        (JSONResponse(None), ""),
    ],
)
async def test_unreadable_answers(line: Line, answer: Response, field: str) -> None:
    """An answer of another form is an error that points at the address and any proxy."""
    line.server.answers = [answer]
    with pytest.raises(GitHubUnavailable, match=f"cannot be read{field}.*BATON_GITHUB_API_URL"):
        await line.client.get("/x", Branch)


async def test_no_secret_in_errors_or_logs(line: Line, caplog: pytest.LogCaptureFixture) -> None:
    """Whatever goes wrong, neither our token nor one that GitHub quotes is shown to anybody."""
    caplog.set_level(logging.DEBUG)
    quoted = "ghs_1234_eyJhbGciOiJSUzI1NiJ9.eyJpc3MiOiIxIn0.c2lnbmF0dXJlLXRoYXQtaXMtbG9uZw"
    answers: list[Response] = [
        *[as_github(status, f"no: {quoted}") for status in (401, 403, 404, 422, 429, 500)],
        HTMLResponse(quoted),
        Hangup(),
    ]
    said = []
    for answer in answers:
        line.server.answers = [answer] * 4
        with pytest.raises(GitHubError) as refusal:
            await line.client.get("/x", Branch)
        said.append(f"{refusal.value} {refusal.value.__cause__}")
    everything = caplog.text + " ".join(said)
    assert "[secret]" in everything
    assert quoted not in everything
    assert quoted.rpartition(".")[2] not in everything
    assert TOKEN.get_secret_value() not in everything
    assert line.server.headers[0]["authorization"].endswith(TOKEN.get_secret_value())


async def test_writes_are_spaced_and_alone(line: Line) -> None:
    """Two writes at once go one after the other, a second apart; reads wait for nobody."""
    client = line.connect(spacing=1.0)
    await asyncio.gather(*[client.send("POST", "/x", body={}) for _ in range(3)])
    assert line.server.busiest == 1
    assert len(line.naps) == 2
    assert all(0 < nap <= 1 for nap in line.naps)
    await asyncio.gather(*[client.send("GET", "/x") for _ in range(3)])
    assert len(line.naps) == 2


async def test_redirects_carry_no_token_away(line: Line) -> None:
    """A redirect to another server is followed without credentials."""
    elsewhere = Scripted()
    async with serve(elsewhere) as url:
        line.server.answers = [RedirectResponse(f"{url}/moved", 301)]
        assert (await line.client.get("/x", Branch)).name == "main"
    assert elsewhere.asked == ["GET /moved"]
    assert "authorization" not in elsewhere.headers[0]


async def test_connections_are_kept(line: Line) -> None:
    """Requests in a row share one connection."""
    client = line.client
    for _ in range(5):
        await client.get("/x", Branch)
    assert len(line.server.ports) == 1


async def test_all_pages_are_read(line: Line) -> None:
    """A list is read to its last, shorter page, whether bare or with a count around it."""
    branch = {"name": "b", "commit": {"sha": "c"}}
    line.server.answers = [JSONResponse([branch] * 100), JSONResponse([branch] * 3)]
    assert len([one async for one in line.client.pages("/x", Branch, state="all")]) == 103
    assert line.server.asked == ["GET /api/v3/x"] * 2
    wrapped = {"total_count": 2, "check_runs": [branch] * 2}
    line.server.answers = [JSONResponse(wrapped)]
    assert len([one async for one in line.client.pages("/x", Branch)]) == 2


async def test_names_stay_in_their_place(line: Line) -> None:
    """A name with slashes, blanks or question marks is one quoted segment; dots are refused."""
    await line.client.send("GET", path("repos", "o", "r", "labels", "a/b ?#c%"))
    assert line.server.asked == ["GET /api/v3/repos/o/r/labels/a%2Fb%20%3F%23c%25"]
    for name in ("", ".", ".."):
        with pytest.raises(ValueError, match="cannot be a path"):
            path("repos", name)
