"""Stopping, halting and looking: /cancel, /pause, /resume, /status, /help."""

from dbos import DBOS

from bot import engine, status
from bot.commanding.saying import Order, Refusal
from bot.durable import step
from bot.pausing import TOPIC
from bot.rendering import phrase
from bot.services import services
from bot.starting import end
from shared.domain import Stage


async def cancel(order: Order) -> Refusal:
    """Stop a run at once; nothing is deleted."""
    if order.run is None or not order.run.is_active:
        return "nothing_runs", {}
    why = phrase(order.run.language, "cancelled_by", login=order.login)
    await end(order.run, Stage.CANCELLED, why)
    await order.reply("cancelled", login=order.login)
    return None


async def pause(order: Order) -> Refusal:
    """Let a run halt before its next model call or stage."""
    if order.run is None or not order.run.is_active:
        return "nothing_runs", {}
    if order.run.paused_by:
        return "paused_already", {"login": order.run.paused_by}
    await _set_paused(order.run.run_id, order.login)
    await order.reply("paused", login=order.login)
    return None


async def resume(order: Order) -> Refusal:
    """Let a paused run go on."""
    if order.run is None or not order.run.is_active or not order.run.paused_by:
        return "not_paused", {}
    run_id = order.run.run_id
    await _set_paused(run_id, "")

    async def find() -> list[str]:
        return list(await engine.unfinished(run_id))

    for workflow in await step("find who waits", list[str], find):
        await DBOS.send_async(workflow, order.login, TOPIC, idempotency_key=order.cause)
    return None


async def show(order: Order) -> Refusal:
    """Bring the status comment up to date, and look whether it is still there."""
    assert order.run is not None, "see DO"
    run_id = order.run.run_id

    async def work() -> bool:
        await status.publish(run_id, afresh=True)
        return True

    await step("publish status", bool, work)
    return None


async def tell_commands(order: Order) -> Refusal:
    """List what can be typed."""
    await order.reply("help")
    return None


async def _set_paused(run_id: str, login: str) -> None:
    async def work() -> bool:
        await services().store.update_run(run_id, paused_by=login)
        await status.publish(run_id)
        return True

    await step("set pause", bool, work)
