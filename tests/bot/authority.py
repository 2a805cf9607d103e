"""What the table of authority acts on: runs that wait, people of every role, deliveries by hand."""

import contextlib
import json
import re
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from dbos import DBOS, WorkflowHandleAsync
from pydantic import SecretStr
from sqlalchemy import select
from sqlmodel import col, delete
from sqlmodel.ext.asyncio.session import AsyncSession

from bot import approvals, deliveries, engine
from bot.approvals import read_basis
from bot.context import RunContext
from bot.demo.forge.actors import NOBODY
from bot.demo.forge.bare import BareRepository
from bot.demo.forge.config import Level
from bot.demo.forge.seed import create_repository
from bot.demo.forge.tables import Delivery as Sent
from bot.demo.person import PersonClient
from bot.durable import step
from bot.services import services
from bot.task import Task
from bot.workflow import load
from shared.domain import Blueprint, Difficulty, IssueType, RepoRef, Scenario, Stage, Triage
from shared.errors import RunStopped
from shared.store import Approval, ApprovalState, Heard, Run
from tests.road.test_people_kit import Household, open_household, patiently
from tests.road.world import REF, plan_for
from webhooks.delivery import to_delivery

Json = dict[str, Any]
NOTICES: Mapping[str, str] = {
    "refused": "your role here is",
    "nothing_waits": "Nothing waits for an answer",
    "nothing_runs": "Nothing is at work here",
    "wrong_kind": "does not fit",
    "no_run": "There is no run on this issue",
    "running": "A run is at work already",
    "closed_issue": "This issue is closed",
    "unknown": "There is no command",
    "misplaced": "stands below other text",
    "no_issue": "Baton works on issues",
    "edited": "was changed after it was written",
    "too_often": "within 10 minutes",
    "too_late": "was said before the present run",
    "too_early": "was said before the request",
    "one_more": "It takes one more person",
    "not_in_doubt": "no doubt about who takes this",
    "no_agent": "a plan first, built at once",
    "no_frontier": "No cloud model can be asked",
    "handed_in": "The pull request stands",
    "paused": "⏸️ Paused by",
    "paused_already": "is paused already",
    "not_paused": "No run is paused here",
    "no_snapshot": "There is no snapshot",
    "cancelled": "Cancelled by",
    "help": "| Command | What it does |",
}
"""By what a person knows each notice."""

STAGES = {**approvals.STAGES, "working": Stage.CODING, "proposed": Stage.PROPOSED}
TRIAGE = Triage(
    type=IssueType.BUG, difficulty=Difficulty.MEDIUM, confidence=0.4, self_reflection=False
)
BLUEPRINT = Blueprint(
    summary="Do it.",
    action_items=("Do it.",),
    scenarios=(Scenario(name="n", given="g", when="w", then="t"),),
    files=("src/db/schema.py",),
)


@engine.workflow("listen for a test")
async def listen(approval_id: str) -> None:
    """Wait for an answer, as a run does that has asked."""
    await DBOS.recv_async(approval_id, timeout_seconds=3600)


@engine.workflow("ask for a test")
async def ask(run_id: str, kind: str) -> str:
    """Ask as a run does; return which way it goes on, or why it stops."""
    run = await step("load run", RunContext, lambda: load(run_id))
    blueprint = BLUEPRINT if kind == "plan" else None
    task = Task(basis=await read_basis(run))
    try:
        while task.triage is None:  # an edited issue is sorted anew
            shown = task.with_(triage=TRIAGE, blueprint=blueprint)
            task = await approvals.wait(run, kind, shown)
    except RunStopped as stopped:
        return f"stopped: {stopped}"
    return f"goes on: {task.way or 'as shown'}"


@dataclass
class Scene:
    """An issue, and the run that is about it."""

    number: int
    run_id: str = ""

    async def asked(self) -> list[ApprovalState]:
        """Return the states of the run's requests, oldest first."""
        return [row.state for row in await services().store.approvals(self.run_id)]

    async def stage(self) -> Stage:
        """Return where the run stands."""
        run = await services().store.run(self.run_id)
        assert run is not None
        return run.stage


@dataclass
class Court:
    """A household whose webhooks are handed in by hand, one by one."""

    house: Household
    other: PersonClient
    abroad: PersonClient
    pull: int = 0
    runs: list[str] = field(default_factory=list)
    known: dict[str, Level] = field(default_factory=dict)

    async def scene(self, kind: str, *, shown: int = 0, by: PersonClient | None = None) -> Scene:
        """Make an issue with a run at a stage; ``shown`` is the comment that shows its request."""
        number = await (by or self.house.alice).open_issue(f"A case of {kind}", "It should not.")
        if kind == "none":
            return Scene(number)
        scene = Scene(number, await self.run_of(number, kind))
        if kind in approvals.STAGES:
            await self._ask(scene.run_id, kind, shown)
        return scene

    async def scene_in(self, ref: RepoRef, number: int) -> Scene:
        """Let a run of another repository's issue ask for the planner."""
        scene = Scene(number, await self.run_of(number, "planner", ref))
        await self._ask(scene.run_id, "planner", 0)
        return scene

    async def _ask(self, run_id: str, kind: str, shown: int) -> None:
        approval = Approval(
            id=f"{run_id}/{kind}/1", run_id=run_id, kind=kind, digest="", comment=shown
        )
        await services().store.add_approval(approval)
        with engine.once(run_id):
            await DBOS.start_workflow_async(listen, approval.id)

    async def run_of(self, number: int, kind: str, ref: RepoRef = REF) -> str:
        """Store a run of an issue, at the stage of a kind."""
        store = services().store
        run = await store.add_run(
            Run(
                origin=f"test {ref} {number} {kind}",
                repo=str(ref),
                number=number,
                requester="alice",
                title=f"A case of {kind}",
            )
        )
        stage = Stage.STOPPED if kind == "stopped" else STAGES[kind]
        await store.update_run(run.id, stage=stage)
        self.runs.append(run.id)
        return run.id

    async def asking(self, kind: str) -> Scene:
        """Make an issue whose run asks for real, with a comment that shows what it covers."""
        number = await self.house.issue(f"Asks for {kind}")
        run_id = await self.run_of(number, "working")
        with engine.once(run_id):
            await DBOS.start_workflow_async(ask, run_id, kind)
        scene = Scene(number, run_id)

        async def is_shown() -> bool:
            return await scene.stage() is STAGES[kind]

        await patiently(is_shown)
        return scene

    async def pull_of(self, scene: Scene) -> int:
        """Say that a run has proposed the one pull request there is, and return its number."""
        if not self.pull:
            bare = await self._bare()
            await self.house.move_base()
            await bare.git("branch", "topic", "main")
            await bare.git("update-ref", "refs/heads/main", "main~1")
            body = {"title": "A proposal", "head": "topic", "base": "main"}
            self.pull = int((await self.house.alice.call("POST", "/pulls", body))["number"])
        store = services().store
        for run in await store.runs(str(REF)):
            number = self.pull if run.id == scene.run_id else None
            if run.pull_number != number:
                await store.update_run(run.id, pull_number=number)
        return self.pull

    async def _bare(self) -> BareRepository:
        async with self.house.forge.reading(NOBODY) as unit:
            repository = await unit.repository(REF.owner, REF.name)
            assert repository is not None
            return self.house.forge.bare(repository)

    async def clear(self) -> None:
        """Leave nothing in flight: the engine has no loop to run it on between two tests."""
        while self.runs:
            run_id = self.runs.pop()
            for workflow in await engine.unfinished(run_id):
                await DBOS.cancel_workflow_async(workflow)
            await services().store.update_run(run_id, stage=Stage.CLOSED)

    async def outcome(self, scene: Scene) -> str:
        """Return how the asking run goes on, in at most the time of a test."""
        handle: WorkflowHandleAsync[str] = await DBOS.retrieve_workflow_async(scene.run_id)
        return str(await handle.get_result(polling_interval_sec=0.02))

    async def allow(self, login: str, level: Level) -> None:
        """Give somebody a role."""
        if self.known.get(login) is not level:
            await self.house.allow(login, level)
            self.known[login] = level

    async def sent(self, event: str = "issue_comment", action: str = "", **about: int) -> Json:
        """Return the newest webhook of an event, of an action and about a thing where given."""
        async with self.house.forge.reading(NOBODY) as unit:
            query = select(Sent).where(Sent.event == event).order_by(Sent.id.desc()).limit(9)
            for row in await unit.session.scalars(query):
                payload: Json = json.loads(row.payload)
                same = all(payload[key]["id"] == value for key, value in about.items())
                if same and action in {"", payload["action"]}:
                    return payload
        raise AssertionError(f"no {event} about {about}")

    async def deliver(self, guid: str, payload: Json, event: str = "issue_comment") -> None:
        """Have a delivery handled, to its end."""
        delivery = to_delivery(guid, event, payload)
        assert delivery is not None
        with engine.once(guid):
            handle = await DBOS.start_workflow_async(
                deliveries.handle, delivery.model_dump(mode="json")
            )
        await handle.get_result(polling_interval_sec=0.01)

    async def forget_hearings(self) -> None:
        """Let ten minutes pass, as far as the counting of comments goes."""
        async with AsyncSession(services().store.engine) as session, session.begin():
            await session.exec(delete(Heard).where(col(Heard.key) != ""))

    async def reactions(self, who: PersonClient, comment: int) -> set[str]:
        """Return the reactions to a comment."""
        shown = await who.call("GET", f"/issues/comments/{comment}/reactions")
        return {reaction["content"] for reaction in shown}

    async def notices(self, number: int, comment: int) -> list[str]:
        """Name Baton's answers to a comment, in the order of its commands."""
        told: dict[int, str] = {}
        for body in await self.house.bodies(number):
            if match := re.match(rf"<!-- baton:command {comment}\.(\d+) -->", body):
                kinds = [kind for kind, words in NOTICES.items() if words in body]
                told[int(match[1])] = kinds[0] if kinds else body
        return [told[index] for index in sorted(told)]


async def say(court: Court, number: int, body: str = "/approve") -> int:
    """Write a comment as a collaborator, and have it handled."""
    comment = await court.house.mallory.comment(number, body)
    await court.deliver(f"say-{comment}", await court.sent(comment=comment))
    return comment


ELSEWHERE = RepoRef(owner="alice", name="elsewhere")
ABROAD = RepoRef(owner="mallory", name="fortnight")


@contextlib.asynccontextmanager
async def open_court(home: Path) -> AsyncIterator[Court]:
    """Start a household whose network loses every webhook, with more repositories.

    One is of the same installation of the App, one of another.
    """
    async with open_household(plan_for(home, home / "cache")) as house:
        house.faults.lose_deliveries()
        await create_repository(
            house.forge, ELSEWHERE.owner, ELSEWHERE.name, collaborators={"mallory": Level.WRITE}
        )
        await create_repository(house.forge, ABROAD.owner, ABROAD.name)
        yield Court(
            house,
            await second_client(house, ELSEWHERE, "mallory"),
            await second_client(house, ABROAD, "mallory"),
        )
        await house.rest()


async def second_client(house: Household, ref: RepoRef, login: str) -> PersonClient:
    """Return somebody's client for another repository; it lives as long as the gateway."""
    token = SecretStr(f"{login}-token")
    web = house.settings.github_web_url
    return await house.gateway.enter_async_context(PersonClient.open(web, ref, login, token))
