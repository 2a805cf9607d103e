"""Handing the building to whoever builds: this process, or a worker on another machine.

What builds needs files, tests and models, and neither GitHub nor a secret. It is a workflow of
its own, so that it can run elsewhere and be taken over when its machine is gone.
"""

import logging
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, TypeVar

from dbos import DBOS
from pydantic import JsonValue

from bot import engine
from bot.build import answer, build
from bot.build.answer import Answered, Remarks
from bot.context import RunContext
from bot.durable import as_record, from_record, step
from bot.services import services
from bot.task import Task
from bot.workers import handing
from bot.workers.handing import Choice
from bot.workers.returned import require_sound_answer, require_sound_change
from bot.worktrees import clear
from shared.domain import Value
from shared.errors import BatonError
from shared.git.run_copy import namespace

V = TypeVar("V", bound=Value)
Record = dict[str, JsonValue]
log = logging.getLogger(__name__)


async def build_elsewhere(run: RunContext, task: Task) -> Task:
    """Have a change built; raises what the building raises."""
    starts = (task.basis.base_sha, task.sha, task.draft or task.sha)
    # Each time under a name of its own: attempts that failed are built on with somebody's help.
    built = await _hand_over(run, f"build/{task.builds}", _build, task, Task, starts)
    if services().has_workers:
        await require_sound_change(run, task, built)
    return built


async def answer_elsewhere(run: RunContext, remarks: Remarks) -> Answered:
    """Have a review answered; raises what the answering raises."""
    name, base, head = (
        f"{remarks.cause}/{remarks.review_id}/build",
        remarks.base_sha,
        remarks.head_sha,
    )
    answered = await _hand_over(run, name, _answer, remarks, Answered, (base, head))
    if services().has_workers:
        await require_sound_answer(run, head, answered.sha, base)
    return answered


@engine.workflow("build")
async def _build(run: Record, task: Record) -> Record:
    context = RunContext.model_validate(run)
    return await _recorded(context, build(context, Task.model_validate(task)), "build")


@engine.workflow("answer")
async def _answer(run: Record, remarks: Record) -> Record:
    context = RunContext.model_validate(run)
    return await _recorded(
        context, answer.write(context, Remarks.model_validate(remarks)), "answer"
    )


async def _hand_over(
    run: RunContext,
    name: str,
    work: Callable[[Record, Record], Coroutine[Any, Any, Record]],
    order: Value,
    result: type[V],
    starts: tuple[str, ...],
) -> V:
    """Enqueue a build for whoever may take it, and wait for its outcome.

    ``starts`` are the commits that it may begin with. Without workers there is a queue, too: what
    was taken from one the engine puts back after a kill, once. What was started directly it starts
    again, and so does the run that waits for it: two were on one worktree.
    """
    queue, pause = engine.BUILDS, engine.OWN_POLLING_SECONDS
    if services().has_workers:
        queue, pause = await _choose(run, starts), engine.POLLING_SECONDS
    with engine.once(f"{run.run_id}/{name}"):
        handle = await DBOS.enqueue_workflow_async(
            queue, work, run.model_dump(mode="json"), order.model_dump(mode="json")
        )
    outcome = await handle.get_result(polling_interval_sec=pause)
    if "error" in outcome:
        raise from_record(outcome["error"])
    return result.model_validate(outcome["value"])


async def _choose(run: RunContext, starts: tuple[str, ...]) -> str:
    """Lay the commits out that a build begins with, and choose who may take it."""

    async def offer() -> None:
        mirror = await run.mirror()
        for sha in starts:
            await mirror.obtain(sha)
            await mirror.keep(sha, namespace(run.number, run.attempt))

    await run.do("offer commits", offer)
    choice = await step("choose who builds", Choice, handing.choose)
    if not choice.is_served:
        await run.note(run.phrase("waits_for_worker"))
    return choice.queue


async def _recorded(run: RunContext, work: Awaitable[Value], name: str) -> Record:
    """Return an outcome as JSON, an error of ours included."""
    try:
        return {"value": (await work).model_dump(mode="json")}
    except BatonError as error:
        return as_record(error)
    except Exception:
        log.exception("%s: failed", name)
        raise
    finally:
        if not services().is_gateway:
            await clear(run)
