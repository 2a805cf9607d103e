"""Steps that are done once: a recorded result is returned, a missing one is worked out.

Everything that a workflow learns from outside passes through `step`. After a kill the engine
runs the workflow again from its top, and every finished step answers from the record.
"""

import logging
from collections.abc import Awaitable, Callable, Sequence
from typing import TypeVar

from dbos import DBOS
from pydantic import JsonValue, TypeAdapter

from bot.rendering import phrase
from bot.services import services
from shared import errors
from shared.chat import JsonSchema, Message, Reply
from shared.domain import Role
from shared.errors import (
    BatonError,
    GitHubUnavailable,
    ModelUnavailable,
    RemoteUnavailable,
    RunStopped,
)
from shared.ollama import OllamaChat
from shared.store import UsageEntry

T = TypeVar("T")
log = logging.getLogger(__name__)

# Troubles that go away by themselves, so that the same may be tried again.
PASSING = (GitHubUnavailable, ModelUnavailable, RemoteUnavailable)
# A node that restarts or a GitHub that hiccups is waited for: 2+4+8+16+32+64 seconds.
ATTEMPTS = 7
FIRST_WAIT = 2.0


async def step(name: str, result: type[T], work: Callable[[], Awaitable[T]]) -> T:
    """Do a piece of work once, and return its recorded result ever after.

    `result` is the type of what `work` returns; it must survive a trip through JSON.
    A BatonError is recorded and raised again alike; passing troubles are retried first.
    """
    adapter: TypeAdapter[T] = TypeAdapter(result)
    tries = 0

    async def recorded() -> JsonValue:
        nonlocal tries
        tries += 1
        try:
            return {"value": adapter.dump_python(await work(), mode="json")}
        except PASSING as error:
            if tries < ATTEMPTS:
                log.warning("%s: %s Trying again.", name, error)
                raise
            return _as_record(error)
        except BatonError as error:
            return _as_record(error)

    outcome = await DBOS.run_step_async(
        {
            "name": name,
            "preemptible": True,
            "retries_allowed": True,
            "max_attempts": ATTEMPTS,
            "interval_seconds": FIRST_WAIT,
            "should_retry": _is_passing,
        },
        recorded,
    )
    assert isinstance(outcome, dict)
    if "error" in outcome:
        raise _from_record(outcome["error"])
    return adapter.validate_python(outcome["value"])


def _is_passing(error: BaseException) -> bool:
    return isinstance(error, PASSING)


def _as_record(error: BatonError) -> JsonValue:
    return {"error": {"kind": type(error).__name__, "message": str(error)}}


def _from_record(record: JsonValue) -> BatonError:
    assert isinstance(record, dict)
    kind = getattr(errors, str(record["kind"]), BatonError)
    error = kind(str(record["message"]))
    assert isinstance(error, BatonError)
    return error


class DurableChat:
    """A role's model whose replies are recorded, so that no answer is paid for twice."""

    def __init__(self, run_id: str, role: Role, *, prompt_hash: str = "") -> None:
        profile = services().profile
        self._run_id = run_id
        self._role = role
        self._model = profile.model(role)
        self._node = profile.node(self._model.node)
        self._prompt_hash = prompt_hash

    async def complete(
        self, messages: Sequence[Message], *, schema: JsonSchema | None = None
    ) -> Reply:
        """Ask for the next turn, or return the recorded one."""
        return await step(f"ask {self._role}", Reply, lambda: self._ask(messages, schema))

    async def _ask(self, messages: Sequence[Message], schema: JsonSchema | None) -> Reply:
        await _within_budget(self._run_id)
        key = f"{DBOS.workflow_id}/{DBOS.step_id}"
        board = services().progress
        board.begin(self._run_id, self._role.agent, self._model.name, self._node.name)
        chat = OllamaChat(
            self._node,
            self._model,
            on_progress=lambda tokens: board.advance(self._run_id, tokens),
        )
        try:
            reply = await chat.complete(messages, schema=schema)
        finally:
            board.end(self._run_id)
        await services().store.add_usage(
            UsageEntry(
                key=key,
                run_id=self._run_id,
                role=self._role,
                prompt_hash=self._prompt_hash,
                **reply.usage.model_dump(),
            )
        )
        return reply


async def _within_budget(run_id: str) -> None:
    """Refuse a further call once the models have worked for as long as a run may take."""
    limit = services().profile.budgets.seconds
    spent = sum(entry.seconds for entry in await services().store.usage(run_id))
    if spent >= limit:
        run = await services().store.run(run_id)
        assert run is not None
        raise RunStopped(phrase(run.language, "budget", seconds=limit))
