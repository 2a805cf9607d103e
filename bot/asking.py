"""Asking a role's model: under a lease, once for each answer, and with patience for a node away."""

import logging
from collections.abc import Awaitable, Callable, Sequence
from typing import TYPE_CHECKING, Self, TypeVar

from dbos import DBOS

from agents.prompting import call_hash
from bot.durable import step
from bot.pausing import step_unless_paused
from bot.services import services
from shared.chat import JsonSchema, Message, Reply, ToolReply
from shared.domain import Role
from shared.errors import MalformedReply, ModelUnavailable, RunStopped
from shared.ollama import OllamaChat
from shared.profiles import ModelSpec
from shared.store import UsageEntry

if TYPE_CHECKING:
    from bot.context import RunContext

R = TypeVar("R", Reply, ToolReply)
log = logging.getLogger(__name__)

# Tries before the wait for a node is shown to people: 2 + 4 seconds.
_QUICK_TRIES = 3


class DurableChat:
    """A role's model whose replies are recorded, so that no answer is paid for twice."""

    def __init__(self, run: "RunContext", role: Role, *, prompt_hash: str = "") -> None:
        self._run = run
        self._role = role
        self._model = services().profile.model(role)
        self._prompt_hash = prompt_hash

    async def complete(
        self, messages: Sequence[Message], *, schema: JsonSchema | None = None
    ) -> Reply:
        """Ask for the next turn, or return the recorded one.

        A paused run halts here. A node that does not answer is waited for, and seen to be waited
        for; after a bound its stand-in is asked. Raises RunStopped when there is none.
        """
        schemas = () if schema is None else (schema,)
        return await self._once(Reply, lambda chat: chat.complete(messages, schema=schema), schemas)

    @property
    def tools(self) -> Self | None:
        """Return this chat when its model is known to call tools well."""
        return self if self._model.tools else None

    async def call(self, messages: Sequence[Message], tools: Sequence[JsonSchema]) -> ToolReply:
        """Do the same with tools.

        Raises MalformedReply too, also when the model that stands in meanwhile has no tools.
        """

        async def ask(chat: OllamaChat) -> ToolReply:
            if not self._model.tools:
                raise MalformedReply("There are no tools any more.")
            return await chat.call(messages, tools)

        return await self._once(ToolReply, ask, tools)

    async def _once(
        self,
        kind: type[R],
        ask: Callable[[OllamaChat], Awaitable[R]],
        schemas: Sequence[JsonSchema],
    ) -> R:
        name, fixed = f"ask {self._role}", call_hash(self._prompt_hash, schemas)
        while True:
            try:
                return await step_unless_paused(
                    self._run, name, kind, lambda: self._ask(ask, fixed), tries=_QUICK_TRIES
                )
            except ModelUnavailable as error:
                self._model = await _outlast(self._run, self._model, error)

    async def _ask(self, ask: Callable[[OllamaChat], Awaitable[R]], fixed: str) -> R:
        run_id, board = self._run.run_id, services().progress
        await _within_budget(self._run)
        key = f"{DBOS.workflow_id}/{DBOS.step_id}"
        node = services().profile.node(self._model.node)
        board.wait(run_id, self._role.agent, self._model.name, node.name)
        try:
            async with services().scheduler.lease(
                self._model, job=run_id, role=self._role
            ) as lease:
                board.begin(run_id, self._role.agent, self._model.name, node.name)
                chat = OllamaChat(
                    node,
                    lease.model,
                    on_progress=lambda tokens: board.advance(run_id, tokens),
                )
                reply = await ask(chat)
        finally:
            board.end(run_id)
        await services().store.add_usage(
            UsageEntry(
                key=key,
                run_id=run_id,
                role=self._role,
                prompt_hash=fixed,
                **reply.usage.model_dump(),
            )
        )
        return reply


async def dismiss(run: "RunContext", role: Role) -> None:
    """Send a role's model away that does not stay, as soon as no other run wants it."""
    model = services().profile.model(role)
    if model.is_resident:
        return

    async def work() -> bool:
        scheduler = services().scheduler
        if not (await scheduler.foresee(model)).is_resident:
            return False
        async with scheduler.lease(model, job=run.run_id, role=role, unload_after=True):
            return True

    try:
        await step(f"send {role} away", bool, work)
    except ModelUnavailable as error:  # then it holds no memory either
        log.info("%s: %s", run.run_id, error)


async def _outlast(run: "RunContext", model: ModelSpec, error: ModelUnavailable) -> ModelSpec:
    """Wait for a node in plain sight; return the model to ask next.

    Raises RunStopped when the node stays away and nothing stands in for it.
    """
    seconds = run.budgets.outage_seconds
    await run.note(run.phrase("node_away", node=model.node, reason=str(error), seconds=seconds))

    async def work() -> bool:
        return await services().scheduler.reachable(model.node, seconds)

    if await step(f"wait for {model.node}", bool, work):
        await run.note("")
        return model
    other = services().profile.stand_in(model)
    if other is None:
        raise RunStopped(
            run.phrase("node_lost", node=model.node, seconds=seconds), str(error), resumable=True
        )
    await run.note(run.phrase("stand_in", node=model.node, model=other.name, other=other.node))
    return other


async def _within_budget(run: "RunContext") -> None:
    """Refuse a further call once the models have worked for as long as a run may take."""
    limit = run.budgets.seconds
    spent = sum(entry.seconds for entry in await services().store.usage(run.run_id))
    if spent >= limit:
        raise RunStopped(run.phrase("budget", seconds=limit))
