import jwt
from cryptography.hazmat.primitives.asymmetric import rsa

from tests.forge.world import REPO, World


async def test_a_token_is_what_the_app_was_granted(world: World) -> None:
    """A token has GitHub's new form, an expiry without fractions, and all grants by default."""
    app = await world.app()
    answer = (await app.post("/app/installations/1/access_tokens")).json()
    assert answer["token"].startswith("ghs_1_eyJ")
    assert len(answer["token"]) > 400
    assert answer["expires_at"] == "2026-11-21T10:00:00Z"
    assert answer["permissions"] == dict(world.config.app.permissions)
    assert answer["repository_selection"] == "all"


async def test_a_token_dies_after_an_hour(world: World) -> None:
    """A token works until its expiry by the forge's clock, and is bad credentials from then on."""
    bot = await world.bot()
    world.clock.forward(minutes=59)
    assert (await bot.get(REPO)).status_code == 200
    world.clock.forward(minutes=1)
    answer = await bot.get(REPO)
    assert (answer.status_code, answer.json()["message"]) == (401, "Bad credentials")


async def test_a_wrong_claim_is_refused(world: World) -> None:
    """A JWT that has expired, lives too long, is not yet valid or is of another App is refused."""
    far = 4_000_000_000
    cases: tuple[tuple[dict[str, object], int, str], ...] = (
        ({"exp": 1}, 401, "'Expiration time'"),
        ({"exp": far}, 401, "too far in the future"),
        ({"iat": far}, 401, "'Issued at'"),
        ({"iss": "77"}, 404, "Integration not found"),
    )
    for claims, status, message in cases:
        answer = await (await world.app(**claims)).get("/app")
        assert answer.status_code == status
        assert message in answer.json()["message"]


async def test_another_key_is_refused(world: World) -> None:
    """A JWT that the App's key did not sign is refused."""
    stranger = rsa.generate_private_key(65537, 2048)
    now = int(world.clock().timestamp())
    forged = jwt.encode({"iss": "1", "iat": now, "exp": now + 60}, stranger, algorithm="RS256")
    answer = await (await world.client(f"Bearer {forged}")).get("/app")
    assert (answer.status_code, answer.json()["message"]) == (
        401,
        "A JSON web token could not be decoded",
    )


async def test_a_token_can_be_narrowed(world: World) -> None:
    """A token for fewer permissions or repositories can no more than that."""
    bot = await world.bot(permissions={"issues": "read"}, repositories=["parcel"])
    assert (await bot.get(f"{REPO}/issues")).status_code == 200
    for method, path in (("POST", "/issues"), ("GET", "/pulls"), ("GET", "/contents/README.md")):
        answer = await bot.request(method, REPO + path, json={"title": "No"})
        assert answer.status_code == 403
        assert answer.json()["message"] == "Resource not accessible by integration"
    seen = (await bot.get("/installation/repositories")).json()
    assert [one["name"] for one in seen["repositories"]] == ["parcel"]


async def test_a_token_cannot_be_widened(world: World) -> None:
    """A permission that the installation lacks, or a foreign repository, is 422."""
    app = await world.app()
    for wanted in (
        {"permissions": {"workflows": "write"}},
        {"permissions": {"issues": "everything"}},
        {"repositories": ["secret"]},
    ):
        answer = await app.post("/app/installations/1/access_tokens", json=wanted)
        assert answer.status_code == 422


async def test_what_may_not_be_seen_is_not_found(world: World) -> None:
    """A private repository is 404 for strangers, for nobody, and for another installation."""
    secret = "/repos/bob/secret"
    assert (await (await world.person("bob")).get(secret)).status_code == 200
    for client in (await world.person("mallory"), await world.client(), await world.bot()):
        assert (await client.get(secret)).status_code == 404


async def test_bad_credentials_are_401_everywhere(world: World) -> None:
    """Unknown tokens and schemes are refused, also where nobody would need any."""
    for credential in ("Bearer nonsense", "token ghs_x", "Digest x", "Basic !!!", "Bearer eyJ.a.b"):
        answer = await (await world.client(credential)).get(REPO)
        assert answer.status_code == 401


async def test_nobody_reads_and_does_not_write(world: World) -> None:
    """Without a credential a public repository can be read; writing asks for one."""
    nobody = await world.client()
    assert (await nobody.get(f"{REPO}/issues")).status_code == 200
    answer = await nobody.post(f"{REPO}/issues", json={"title": "No"})
    assert (answer.status_code, answer.json()["message"]) == (401, "Requires authentication")


async def test_the_jwt_is_for_the_app_alone(world: World) -> None:
    """Tokens do not open the App's endpoints, and the JWT opens no repository."""
    for client in (await world.bot(), await world.person("alice"), await world.client()):
        assert (await client.get("/app")).status_code == 401
    assert (await (await world.app()).get(f"{REPO}/issues")).status_code == 403
    assert (await (await world.app()).get("/orgs/alice/installation")).status_code == 404


async def test_the_permission_of_a_person_is_told(world: World) -> None:
    """role_name tells all five levels apart; an unknown person is 404."""
    bot = await world.bot()
    told = {
        login: (await bot.get(f"{REPO}/collaborators/{login}/permission")).json()
        for login in ("alice", "bob", "carol", "mallory")
    }
    assert {login: one["role_name"] for login, one in told.items()} == {
        "alice": "admin",
        "bob": "write",
        "carol": "triage",
        "mallory": "read",
    }
    assert told["carol"]["permission"] == "read"
    assert (await bot.get(f"{REPO}/collaborators/nobody/permission")).status_code == 404
