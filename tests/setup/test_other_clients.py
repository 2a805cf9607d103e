"""Clients that others wrote agree with the forge and with the tunnel: Octokit's and smee's."""

import asyncio
import contextlib
import json
import os
import subprocess
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from bot.demo.forge.config import utc_now
from bot.serving import serve
from tests.forge.honesty import Honesty, honesty
from tests.forge.world import REPO, SECRET, World, open_world, pem, private_key
from tests.nodejs import CLIENTS, Node, install
from tests.setup.smee import Smee
from tests.setup.test_tunnel import ISSUE, compact, gateway, headers

__all__ = ["honesty"]
_SCRIPT = Path(__file__).parent / "clients.mjs"
_PATIENCE = 30.0


@pytest.fixture(scope="session")
def node() -> Node:
    """Node.js with the clients; without a network these tests are left out, but never in CI."""
    try:
        return install(CLIENTS)
    except (OSError, subprocess.SubprocessError) as error:
        if os.environ.get("CI"):
            raise
        pytest.skip(f"Node.js and its packages cannot be had: {type(error).__name__}")


@contextlib.asynccontextmanager
async def told(node: Node, **what: object) -> AsyncIterator[asyncio.subprocess.Process]:
    """Run the script; what it is told goes by standard input, the key as well."""
    process = await asyncio.create_subprocess_exec(
        *node.command(_SCRIPT), stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE
    )
    assert process.stdin is not None
    process.stdin.write(json.dumps(what).encode())
    process.stdin.close()
    try:
        yield process
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.wait()


async def answer(node: Node, **what: object) -> Any:  # noqa: ANN401  each doing has its own answer
    """Run the script to its end and read what it found."""
    async with told(node, **what) as process, asyncio.timeout(_PATIENCE):
        assert process.stdout is not None
        text = await process.stdout.read()
        assert await process.wait() == 0
        return json.loads(text)


@pytest.fixture
async def world(tmp_path: Path, honesty: Honesty) -> AsyncIterator[World]:
    """A forge by the machine's clock, which Octokit goes by as well."""
    async with open_world(tmp_path, honesty, clock=utc_now) as opened:
        yield opened


async def test_octokit_logs_in_as_the_app(world: World, node: Node) -> None:
    """@octokit/auth-app signs its JWT, gets an installation token and reads with it."""
    now = int(world.forge.now().timestamp())
    app = await world.app(iat=now - 60, exp=now + 300)
    (first, _) = (await app.get("/app/installations")).raise_for_status().json()
    found = await answer(
        node,
        do="auth",
        appId=1,
        privateKey=pem(private_key()),
        baseUrl=f"{world.url}{world.config.api_prefix}",
        installationId=first["id"],
    )
    assert found["repositories"] == ["alice/parcel"]
    assert found["permissions"] == dict(world.config.app.permissions)


async def test_octokit_verifies_the_forges_webhooks(world: World, node: Node) -> None:
    """@octokit/webhooks takes each delivery under its GUID, and none that was changed."""
    alice = await world.person("alice")
    await alice.post(f"{REPO}/issues", json={"title": "무게 \u2028 ✓"})
    await alice.post(f"{REPO}/issues/1/comments", json={"body": "/status"})
    names = await world.events()
    deliveries = [
        {
            "id": got["x-github-delivery"],
            "name": got["x-github-event"],
            "signature": got["x-hub-signature-256"],
            "payload": body.decode(),
        }
        for got, body in world.target.received
    ]
    found = await answer(node, do="webhooks", secret=SECRET, deliveries=deliveries)
    heard = [".".join(filter(None, (name, action))) for _, name, action in found["heard"]]
    assert heard == names
    assert [guid for guid, _, _ in found["heard"]] == [one["id"] for one in deliveries]
    assert found["forged"] is False


async def test_smees_own_client_takes_what_our_channel_sends(node: Node) -> None:
    """The channel that the tunnel is tested with is one to smee-client, down to the signature."""
    smee, got = Smee(), asyncio.Queue[str]()
    async with serve(smee.app()) as at, gateway(got) as door:
        async with told(node, do="smee", source=f"{at}/channel", target=door):
            await asyncio.wait_for(smee.came.wait(), _PATIENCE)
            body = compact({**ISSUE, "amount": 1})
            async with httpx.AsyncClient(trust_env=False) as github:
                await github.post(f"{at}/channel", content=body, headers=headers(body))
            assert await asyncio.wait_for(got.get(), _PATIENCE) == "guid-1"
        smee.hang_up()
