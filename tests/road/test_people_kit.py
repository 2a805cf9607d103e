"""What the tests of people share: a household with a write collaborator and an open forge."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import jwt
from dbos import DBOS
from pydantic import SecretStr
from sqlalchemy import select

from bot import engine
from bot.app import create_app
from bot.demo import story
from bot.demo.forge import create_forge
from bot.demo.forge.actors import NOBODY
from bot.demo.forge.app import forge_of
from bot.demo.forge.config import ForgeConfig, Level, Person, RateLimits
from bot.demo.forge.core import Forge
from bot.demo.forge.hookshot import Hookshot
from bot.demo.forge.tables import Collaborator, Delivery
from bot.demo.person import GatewayReader, PersonClient
from bot.demo.session import Plan, Secrets, answering, forge_config, write_settings
from bot.services import services
from bot.serving import listen, serve
from bot.views import RunView
from shared.domain import Role, Stage
from shared.profiles import Profile
from shared.settings import Settings, load_settings
from shared.store import Approval
from tests.road.world import REF, World

_PEOPLE = ("alice", "mallory", "wendy")
_PATIENCE = 120.0
ProfileChange = Callable[[Profile], Profile]


@dataclass
class Household(World):
    """A world whose test may also be the forge's administrator and the network."""

    wendy: PersonClient
    forge: Forge
    hookshot: Hookshot
    door: str
    secrets: Secrets
    settings: Settings
    gateway: contextlib.AsyncExitStack

    async def issue(self, title: str, body: str = "It should not.", **more: Any) -> int:  # noqa: ANN401  fields of the API differ
        """Open an issue as alice and return its number."""
        fields = {"title": title, "body": body, **more}
        return int((await self.alice.call("POST", "/issues", fields))["number"])

    async def waiting(self, title: str, body: str = "It should not.") -> int:
        """Open an issue as alice and wait until its run asks for the planner."""
        number = await self.issue(title, body)
        await self.at(number, Stage.AWAITING_PLANNER)
        return number

    async def stage(self, number: int) -> Stage | None:
        """Return where the newest run of an issue stands, if there is one."""
        runs = await services().store.runs(str(REF), number)
        return runs[0].stage if runs else None

    async def ended(self, number: int, stage: Stage = Stage.STOPPED) -> RunView:
        """Wait until the newest run of an issue has ended, and return it."""
        async with asyncio.timeout(_PATIENCE):
            async for run in self.changes(number):
                if run.stage.is_final:
                    assert run.stage is stage, run.reason
                    return run
        raise AssertionError  # changes do not end

    async def quiet(self) -> None:
        """Wait until every webhook has been delivered and handled."""
        await self.hookshot.settle()

        async def handled() -> bool:
            return not await DBOS.list_workflows_async(
                queue_name=engine.DELIVERIES, status=["PENDING", "ENQUEUED"]
            )

        await patiently(handled)

    async def rest(self) -> None:
        """Leave nothing in flight: the engine has no loop to run it on between two tests."""
        await self.quiet()
        while unfinished := await DBOS.list_workflows_async(status=["PENDING", "ENQUEUED"]):
            for waiting in unfinished:
                await DBOS.cancel_workflow_async(waiting.workflow_id)
        for run in await services().store.runs():  # else they would be told to be stranded
            if not run.stage.is_final and run.stage is not Stage.PROPOSED:
                await services().store.update_run(run.id, stage=Stage.CANCELLED)
        await self.quiet()

    async def struck(self) -> None:
        """Wait until every fault has struck."""

        async def none_is_left() -> bool:
            return not self.faults.pending

        await patiently(none_is_left)

    async def tell(self, who: PersonClient, number: int, body: str) -> set[str]:
        """Write a comment, wait until it has been handled, and return Baton's reactions to it."""
        comment = await who.comment(number, body)
        await self.quiet()
        return await self.reactions(comment)

    async def reactions(self, comment: int) -> set[str]:
        """Return the reactions to a comment."""
        shown = await self.alice.call("GET", f"/issues/comments/{comment}/reactions")
        return {reaction["content"] for reaction in shown}

    @contextlib.asynccontextmanager
    async def away(self) -> AsyncIterator[None]:
        """Stop the gateway, and start it again when the context is left."""
        await self.gateway.aclose()
        # The engine has taken its threads along, which were the loop's; a new process has new ones.
        asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor())
        yield
        await self.come()

    async def come(self) -> None:
        """Start the gateway."""
        at = listen(int(self.door.rpartition(":")[2]))
        await self.gateway.enter_async_context(serve(create_app(self.settings), at))

    async def asked(self, number: int, role: Role) -> int:
        """Return how often a role's model has answered for an issue."""
        store = services().store
        runs = await store.runs(str(REF), number)
        entries = [entry for run in runs for entry in await store.usage(run.id)]
        return sum(entry.role == role for entry in entries)

    async def allow(self, login: str, level: Level) -> None:
        """Make somebody a collaborator of a level; nothing but reading is left at READ."""
        async with self.forge.writing(NOBODY) as unit:
            repository = await unit.repository(REF.owner, REF.name)
            account = await unit.account(login)
            assert repository is not None
            assert account is not None
            await unit.session.merge(
                Collaborator(repository_id=repository.id, account_id=account.id, level=level)
            )

    async def move_base(self) -> str:
        """Push a commit to the default branch, as a person would, and return its SHA."""
        async with self.forge.reading(NOBODY) as unit:
            repository = await unit.repository(REF.owner, REF.name)
            assert repository is not None
            bare = self.forge.bare(repository)
        who = {"NAME": "Wendy", "EMAIL": "wendy@example.com"}
        env = {f"GIT_{role}_{key}": who[key] for role in ("AUTHOR", "COMMITTER") for key in who}
        made = await bare.git(
            "commit-tree", "main^{tree}", "-p", "main", "-m", "A commit by a person", env=env
        )
        sha = made.decode().strip()
        await bare.git("update-ref", "refs/heads/main", sha)
        return sha

    async def requests(self, number: int) -> list[Approval]:
        """Return the requests of an issue's runs, oldest first."""
        store = services().store
        names = [
            f"{run.id}/{kind}/{turn}"
            for run in reversed(await store.runs(str(REF), number))
            for kind in _KINDS
            for turn in _TURNS
        ]
        found = [await store.approval(name) for name in names]
        return [request for request in found if request is not None]

    async def deliveries(self) -> Sequence[Delivery]:
        """Return what the forge has sent or is about to send, oldest first."""
        async with self.forge.reading(NOBODY) as unit:
            return (await unit.session.scalars(select(Delivery).order_by(Delivery.id))).all()

    async def post(self, delivery: Delivery) -> int:
        """Hand a delivery in at the door, as the network would; return the status."""
        async with httpx.AsyncClient(trust_env=False) as client:
            answer = await client.post(
                f"{self.door}/webhooks/github",
                content=delivery.payload.encode(),
                headers=self.hookshot.headers(delivery),
            )
        return answer.status_code

    async def redeliver(self, delivery: Delivery) -> None:
        """Press "Redeliver" on the App's page."""
        moment = int(time.time())
        claims = {"iat": moment - 60, "exp": moment + 300, "iss": "1"}
        token = jwt.encode(claims, self.secrets.key, algorithm="RS256")
        url = f"{self.forge.urls.api}/app/hook/deliveries/{delivery.id}/attempts"
        async with httpx.AsyncClient(trust_env=False) as client:
            answer = await client.post(url, headers={"Authorization": f"Bearer {token}"})
        assert answer.status_code == 202, answer.text

    async def delete_comment(self, comment: int) -> None:
        """Delete a comment as the repository's owner."""
        url = f"{self.forge.urls.api}/repos/{REF}/issues/comments/{comment}"
        async with httpx.AsyncClient(trust_env=False) as client:
            answer = await client.delete(
                url, headers={"Authorization": f"Bearer {_token('alice')}"}
            )
        assert answer.status_code == 204, answer.text

    async def left(self, number: int) -> Mapping[str, Any]:
        """Collect everything that people can see of an issue and of the pull requests."""
        issue = await self.alice.call("GET", f"/issues/{number}")
        pulls = await self.alice.call("GET", "/pulls?state=all&per_page=100")
        comments = [await self.alice.comments(n) for n in (number, *(p["number"] for p in pulls))]
        return {
            "state": issue["state"],
            "labels": sorted(label["name"] for label in issue["labels"]),
            "comments": [(c["id"], c["body"]) for found in comments for c in found],
            "pulls": [(p["number"], p["state"], p["draft"], p["head"]["sha"]) for p in pulls],
            "branches": [b["name"] for b in await self.alice.call("GET", "/branches")],
        }


async def patiently(done: Callable[[], Awaitable[bool]]) -> None:
    """Look again and again until something is so; fail when it never is."""
    async with asyncio.timeout(_PATIENCE):
        while not await done():  # noqa: ASYNC110  it happens elsewhere
            await asyncio.sleep(0.02)


_KINDS = ("triage", "planner")
_TURNS = range(1, 6)


@contextlib.asynccontextmanager
async def open_household(
    plan: Plan, change: ProfileChange = lambda profile: profile
) -> AsyncIterator[Household]:
    """Start a household in this process; `change` alters the profile that Baton reads."""
    async with contextlib.AsyncExitStack() as stack:
        profile = change(await stack.enter_async_context(answering(plan)))
        shared, door, gate = Secrets(), listen(), listen()
        tokens = {name: SecretStr(_token(name)) for name in _PEOPLE}
        config = _with_people(forge_config(plan, gate.url, door.url, shared), tokens)
        forge_app = create_forge(config)
        await stack.enter_async_context(serve(forge_app, gate))
        settings = load_settings(write_settings(plan, profile, gate.url, door.url, shared))
        gateway = await stack.enter_async_context(contextlib.AsyncExitStack())
        await gateway.enter_async_context(serve(create_app(settings), door))
        clients = [
            await stack.enter_async_context(PersonClient.open(gate.url, plan.ref, name, token))
            for name, token in tokens.items()
        ]
        reader = await stack.enter_async_context(GatewayReader(door.url))
        alice, mallory, wendy = clients
        forge, hookshot = forge_of(forge_app)
        yield Household(
            alice=alice,
            mallory=mallory,
            reader=reader,
            faults=config.faults,
            home=plan.home,
            wendy=wendy,
            forge=forge,
            hookshot=hookshot,
            door=door.url,
            secrets=shared,
            settings=settings,
            gateway=gateway,
        )


def _token(login: str) -> str:
    return f"{login}-token"


def _with_people(config: ForgeConfig, tokens: Mapping[str, SecretStr]) -> ForgeConfig:
    """Let wendy write, and many issues be worked on within a minute."""
    people = tuple(
        Person(login=name, name=name.title(), email=f"{name}@example.com", token=token)
        for name, token in tokens.items()
    )
    (seed,) = config.repositories
    seed = seed.model_copy(update={"collaborators": {"alice": Level.ADMIN, "wendy": Level.WRITE}})
    limits = RateLimits(
        requests_per_hour=100_000, writes_per_minute=10_000, writes_per_hour=100_000
    )
    return config.model_copy(update={"people": people, "repositories": (seed,), "limits": limits})


def recording_with(folder: Path, replies: Sequence[tuple[str, str]]) -> Path:
    """Write a recording: the given heads and replies come first, then those of the demo."""
    folder.mkdir(parents=True)
    for number, (head, reply) in enumerate(replies):
        (folder / f"{number:03}.md").write_text(f"+++\n{head}\n+++\n{reply}\n", "utf-8")
    for path in story.RECORDING.glob("*.md"):
        (folder / f"demo-{path.name}").write_bytes(path.read_bytes())
    return folder
