"""Mending what other people's checks find on Baton's own commit: one try a head, two heads a run.

What a check says is foreign text: it is cleaned like an issue before any model reads it.
"""

import logging

from dbos import DBOS

from bot import engine, notices
from bot.build.answer import Answered, Remarks
from bot.checks import CHECK
from bot.context import RunContext
from bot.delegation import answer_elsewhere
from bot.durable import patient, step
from bot.followup import push_answer, remarks_on, told_doubts
from bot.protection import require_writer
from bot.services import services
from bot.status import FAILED
from bot.unseen import CHECKS, note_page
from bot.workflow import load
from bot.worktrees import discard
from shared.domain import Stage, Value
from shared.errors import BatonError
from shared.github import FailedCheck
from shared.guard.text import Cleaned, clean

MOST = 2
"""Heads of one run that are repaired; then a person has to look."""
_SAID = 4_000  # characters of what one check says
_MARKS = 20
log = logging.getLogger(__name__)


class _Order(Value):
    """What is to be mended; nothing when the head has moved or no check of others fails."""

    remarks: Remarks | None = None
    checks: str = ""
    earlier: int = 0


@engine.workflow("repair")
async def repair(run_id: str, sha: str) -> None:
    """Answer the checks that fail on a commit of Baton's with commits, or say why not."""
    run = await step("load run", RunContext, lambda: load(run_id))
    with patient():
        order = await step("read failing checks", _Order, lambda: _read(run, sha))
    if order.remarks is None:
        return
    if order.earlier >= MOST:
        await _say(run, order.remarks, "repair_bound", checks=order.checks, most=MOST)
        return
    note = run.phrase("repair_of", checks=order.checks)
    await run.enter(Stage.FOLLOWING_UP, note)
    try:
        await _mend(run, order.remarks, order.checks)
    except BatonError as error:
        await _fail(run, order, note, str(error))
    except Exception as error:  # a fault of ours must not end in silence either
        log.exception("%s: failed", run.run_id)
        await _fail(run, order, note, run.phrase("fault", name=type(error).__name__))
    await run.enter(Stage.PROPOSED)
    await discard(run)


async def _fail(run: RunContext, order: _Order, note: str, reason: str) -> None:
    assert order.remarks is not None, "else nothing was begun"
    await _say(run, order.remarks, "repair_failed", checks=order.checks, reason=reason)
    await run.enter(Stage.FOLLOWING_UP, f"{FAILED}{note}: {reason}")


async def _read(run: RunContext, sha: str) -> _Order:
    stored = await services().store.run(run.run_id)
    assert stored is not None
    if stored.stage.is_final:
        return _Order()
    repo = await services().repo(run.ref)
    remarks = await remarks_on(run, stored)
    failed = [check for check in await repo.failed_checks(sha) if check.name != CHECK]
    if remarks.head_sha != sha or not failed:
        return _Order()
    names = ", ".join(check.name for check in failed)
    seen = [_told(check) for check in failed]
    await note_page(run.run_id, f"{CHECKS} {sha}", (found for one in seen for found in one.found))
    body = "\n\n".join(one.text.strip() for one in seen)
    return _Order(
        remarks=remarks.model_copy(
            update={"cause": "checks", "review_id": int(sha[:12], 16), "login": names, "body": body}
        ),
        checks=names,
        earlier=await _earlier(run.run_id, sha),
    )


async def _earlier(run_id: str, sha: str) -> int:
    """Count the other heads of a run that a repair was begun for."""
    begun = await DBOS.list_workflows_async(workflow_id_prefix=f"{run_id}/repair/")
    return len({one.workflow_id for one in begun} - {f"{run_id}/repair/{sha}"})


def _told(check: FailedCheck) -> Cleaned:
    marks = "\n".join(f"- {mark}" for mark in check.marks[:_MARKS])
    text = f"The check {check.name} fails.\n\n{check.said[-_SAID:]}\n\n{marks[:_SAID]}"
    return clean(text)


async def _mend(run: RunContext, remarks: Remarks, checks: str) -> None:
    answered: Answered = await answer_elsewhere(run, remarks)
    await require_writer(run)
    await push_answer(run, remarks, answered)
    await _say(
        run,
        remarks,
        "repaired",
        checks=checks,
        sha=answered.sha,
        summary=answered.message,
        passed=len(answered.green.passed),
        doubts=told_doubts(answered),
    )


async def _say(run: RunContext, remarks: Remarks, kind: str, **values: object) -> None:
    marker = f"repair {remarks.head_sha} {run.run_id}"
    await notices.say(run.ref, remarks.pull_number, marker, kind, language=run.language, **values)
