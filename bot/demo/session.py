"""A whole Baton on one machine: forge, models, gateway, and a person who opens an issue."""

import contextlib
import json
import os
import secrets
from collections.abc import AsyncIterator, Callable
from pathlib import Path

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from pydantic import SecretStr

from bot.demo.forge import create_forge
from bot.demo.forge.config import AppRegistration, ForgeConfig, Level, Person, RepositorySeed
from bot.demo.gateway import Gateway, run_gateway
from bot.demo.person import GatewayReader, PersonClient
from bot.demo.recorded_model import create_recorded_model
from bot.demo.recording import Recording
from bot.doctor.github import EVENTS
from bot.serving import listen, serve
from shared.domain import RepoRef, Value
from shared.profiles import Profile

BANNER = (
    "The models' answers are a recording. Git, tests, sandbox, webhooks and signatures are real."
)


class Plan(Value):
    """What a session starts with.

    ``recording`` answers for the models when given; else the profile's nodes are asked.
    ``pace`` is the pause between the pieces of a recorded answer, in seconds;
    ``load_gb_per_second`` how fast the recording's models come into memory.
    """

    home: Path
    cache: Path
    repository: Path
    ref: RepoRef
    description: str = ""
    profile: Profile
    recording: Path | None = None
    pace: float = 0.0
    load_gb_per_second: float | None = None
    port: int = 0
    allow_root_sandbox: bool = False


class Session:
    """A session that is up: where things are, and who can be asked."""

    def __init__(self, plan: Plan, forge_url: str, gateway: Gateway, alice: PersonClient) -> None:
        self.plan = plan
        self.forge_url = forge_url
        self.gateway = gateway
        self.alice = alice
        self.reader = GatewayReader(gateway.url)

    def page(self, path: str = "") -> str:
        """Return the address of a page of the repository."""
        return f"{self.forge_url}/{self.plan.ref}{path}"


class Secrets:
    """What the parties of a session share: the App's key, the webhook secret, tokens."""

    def __init__(self) -> None:
        self.key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        self.webhook = SecretStr(secrets.token_hex(32))
        self.alice = SecretStr(secrets.token_hex(20))
        self.mallory = SecretStr(secrets.token_hex(20))


@contextlib.asynccontextmanager
async def open_session(plan: Plan, *, on_restart: Callable[[int], None]) -> AsyncIterator[Session]:
    """Start everything, and end everything when the context is left."""
    async with contextlib.AsyncExitStack() as stack:
        profile = await stack.enter_async_context(answering(plan))
        shared, door, gate = Secrets(), listen(), listen(plan.port)
        door.socket.close()  # the gateway binds this port itself
        config = forge_config(plan, gate.url, door.url, shared)
        await stack.enter_async_context(serve(create_forge(config), gate))
        env_file = write_settings(plan, profile, gate.url, door.url, shared)
        gateway = await stack.enter_async_context(
            run_gateway(env_file, plan.home / "gateway.log", door.url, on_restart=on_restart)
        )
        alice = await stack.enter_async_context(
            PersonClient.open(gate.url, plan.ref, "alice", shared.alice)
        )
        session = Session(plan, gate.url, gateway, alice)
        await stack.enter_async_context(session.reader)
        yield session


@contextlib.asynccontextmanager
async def answering(plan: Plan) -> AsyncIterator[Profile]:
    """Serve the recording, if there is one, and return the profile that points at it."""
    if plan.recording is None:
        yield plan.profile
        return
    recording = Recording.load(plan.recording)
    app = create_recorded_model(
        recording,
        models=plan.profile.models,
        pace=plan.pace,
        load_gb_per_second=plan.load_gb_per_second,
    )
    async with serve(app) as url:
        yield plan.profile.at(url).model_copy(update={"recorded": True})


def forge_config(plan: Plan, url: str, gateway_url: str, shared: Secrets) -> ForgeConfig:
    """Describe the forge: the App, alice who may write, mallory who may not, one repository."""
    pem = shared.key.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    return ForgeConfig(
        state=plan.home / "forge",
        url=url,
        app=AppRegistration(public_key=pem.decode(), events=tuple(sorted(EVENTS))),
        webhook_secret=shared.webhook,
        webhook_url=f"{gateway_url}/webhooks/github",
        people=(
            Person(login="alice", name="Alice", email="alice@example.com", token=shared.alice),
            Person(
                login="mallory", name="Mallory", email="mallory@example.com", token=shared.mallory
            ),
        ),
        repositories=(
            RepositorySeed(
                owner=plan.ref.owner,
                name=plan.ref.name,
                description=plan.description,
                from_directory=plan.repository,
                collaborators={"alice": Level.ADMIN},
            ),
        ),
        banner=BANNER if plan.recording else "",
    )


def write_settings(
    plan: Plan, profile: Profile, forge_url: str, gateway_url: str, shared: Secrets
) -> Path:
    """Write the gateway's settings, as an operator would for a real GitHub App."""
    pem = shared.key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    key_file = _write(plan.home / "app.pem", pem.decode())
    profile_file = _write(plan.home / "profile.json", profile.model_dump_json(indent=2))
    lines = {
        "BATON_HOME": plan.home / "state",
        "BATON_CACHE": plan.cache,
        "BATON_PORT": gateway_url.rsplit(":", 1)[1],
        "BATON_PROFILE": profile_file,
        "BATON_GITHUB_API_URL": f"{forge_url}/api/v3",
        "BATON_GITHUB_WEB_URL": forge_url,
        "BATON_APP_ID": 1,
        "BATON_PRIVATE_KEY_FILE": key_file,
        "BATON_WEBHOOK_SECRET": shared.webhook.get_secret_value(),
        "BATON_WRITE_SPACING": 0,
        "BATON_STATUS_SECONDS": 1,
        "BATON_ALLOW_ROOT_SANDBOX": str(plan.allow_root_sandbox).lower(),
    }
    text = "".join(f"{name}={json.dumps(str(value))}\n" for name, value in lines.items())
    return _write(plan.home / "baton.env", text)


def _write(path: Path, text: str) -> Path:
    """Write a file that only its owner may read."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
        file.write(text)
    return path
