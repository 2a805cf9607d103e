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
from bot.durable import as_record, from_record
from bot.task import Task
from shared.domain import Value
from shared.errors import BatonError

V = TypeVar("V", bound=Value)
Record = dict[str, JsonValue]
log = logging.getLogger(__name__)


async def build_elsewhere(run: RunContext, task: Task) -> Task:
    """Have a change built; raises what the building raises."""
    return await _hand_over(run, "build", _build, task, Task)


async def answer_elsewhere(run: RunContext, remarks: Remarks) -> Answered:
    """Have a review answered; raises what the answering raises."""
    name = f"review/{remarks.review_id}/build"
    return await _hand_over(run, name, _answer, remarks, Answered)


@engine.workflow("build")
async def _build(run: Record, task: Record) -> Record:
    return await _recorded(
        build(RunContext.model_validate(run), Task.model_validate(task)), "build"
    )


@engine.workflow("answer")
async def _answer(run: Record, remarks: Record) -> Record:
    return await _recorded(
        answer.write(RunContext.model_validate(run), Remarks.model_validate(remarks)), "answer"
    )


async def _hand_over(
    run: RunContext,
    name: str,
    work: Callable[[Record, Record], Coroutine[Any, Any, Record]],
    order: Value,
    result: type[V],
) -> V:
    with engine.once(f"{run.run_id}/{name}"):
        handle = await DBOS.enqueue_workflow_async(
            engine.BUILDS, work, run.model_dump(mode="json"), order.model_dump(mode="json")
        )
    outcome = await handle.get_result(polling_interval_sec=engine.POLLING_SECONDS)
    if "error" in outcome:
        raise from_record(outcome["error"])
    return result.model_validate(outcome["value"])


async def _recorded(work: Awaitable[Value], name: str) -> Record:
    """Return an outcome as JSON, an error of ours included."""
    try:
        return {"value": (await work).model_dump(mode="json")}
    except BatonError as error:
        return as_record(error)
    except Exception:
        log.exception("%s: failed", name)
        raise
