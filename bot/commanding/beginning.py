"""Starting, starting again and going another way: /run, /plan, /retry, /rollback, /frontier."""

from bot.commanding.answering import decide, objection, pending
from bot.commanding.saying import Order, Refusal
from bot.durable import step
from bot.followup import ask_for_words
from bot.rendering import phrase
from bot.rules import rules_of
from bot.services import services
from bot.starting import RunView, end, start
from bot.task import Way
from shared.domain import Stage, Value
from shared.frontier import has_key
from shared.store import ApprovalState

_HANDED_IN = {Stage.PROPOSED, Stage.FOLLOWING_UP}
_NO_QUESTION = "How is this best done?"


class Point(Value):
    """A snapshot that a run may go back to."""

    id: int
    n: int
    stage: Stage
    reason: str


async def run(order: Order) -> Refusal:
    """Start; or, where a run waits for a plan, go on without one."""
    if order.run is None or order.run.stage.is_final:
        return await _begin(order)
    asked = await pending(order)
    if asked.kind not in {"triage", "planner"}:
        return "running", {"expected": asked.kind}
    if refusal := objection(order, asked):
        return refusal
    state = ApprovalState.APPROVED if asked.kind == "triage" else ApprovalState.DENIED
    return await decide(order, asked, state, way=Way.BUILD)


async def plan(order: Order) -> Refusal:
    """Have a plan made, although none was due; or another one."""
    if order.run is None:
        return await _begin(order, way=Way.PLAN)
    asked = await pending(order)
    if asked.kind == "triage":
        refusal = objection(order, asked)
        return refusal or await decide(order, asked, ApprovalState.APPROVED, way=Way.PLAN)
    if asked.kind == "planner":
        return "running", {"expected": asked.kind}
    if order.run.stage in _HANDED_IN:
        return "handed_in", {"verb": order.command.verb}
    if order.run.stage in {Stage.RECEIVED, Stage.TRIAGE, Stage.PLANNING}:
        return "running", {"expected": ""}
    before = [p for p in await points(order.run) if p.stage is Stage.PLANNING]
    return await _begin(order, before[-1] if before else None, way=Way.PLAN)


async def retry(order: Order) -> Refusal:
    """Start a new run after one has ended; where the work was in order, from its last snapshot."""
    if order.run is not None and not order.run.stage.is_final:
        asked = await pending(order)
        return "running", {"expected": asked.kind}
    known = await points(order.run) if order.run is not None and order.run.resumable else []
    return await _begin(order, known[-1] if known else None)


async def roll_back(order: Order) -> Refusal:
    """End what is under way, and start again from a snapshot: the named one, or the last."""
    assert order.run is not None, "see DO"
    known = await points(order.run)
    chosen = [point for point in known if order.argument in {"", str(point.n)}]
    if order.run.stage in {*_HANDED_IN, Stage.CLOSED} or not chosen:
        numbers = [point.n for point in known]
        return "no_snapshot", {"asked": order.argument or "-", "numbers": numbers}
    point = chosen[-1]
    refusal = await _begin(order, point)
    if refusal is None:
        await order.reply("rolled_back", n=point.n, reason=point.reason)
    return refusal


async def ask_frontier(order: Order) -> Refusal:
    """Offer to ask a cloud model before anything more is built; that takes a yes of its own."""
    policy, settings = services().profile.frontier, services().settings
    if not has_key(policy, settings):
        return "no_frontier", {"provider": policy.provider, "model": policy.model}
    question = order.argument or _NO_QUESTION
    if order.run is None:
        return await _begin(order, question=question)
    if order.run.stage in _HANDED_IN:
        return "handed_in", {"verb": order.command.verb}
    asked = await pending(order)
    if asked.kind:
        return "running", {"expected": asked.kind}
    known = await points(order.run)
    return await _begin(order, known[-1] if known else None, question=question)


async def hear(order: Order) -> Refusal:
    """Do what plain words to Baton ask for: start, or change the pull request that stands."""
    if not (await rules_of(order.saying.ref)).config.triggers.mention:
        return "unknown", {"word": "", "nearest": None}
    if order.run is None or order.run.stage.is_final:
        return await _begin(order)
    if order.run.stage not in _HANDED_IN:
        return "running", {"expected": (await pending(order)).kind}
    line = f"{order.saying.ref}#{order.run.number}"
    await ask_for_words(order.run.run_id, order.saying.comment, line)
    return None


async def points(view: RunView) -> list[Point]:
    """List the snapshots of a run, oldest first."""

    async def work() -> list[Point]:
        rows = await services().store.snapshots(view.run_id)
        return [
            Point(id=row.id, n=row.n, stage=row.stage, reason=row.reason) for row in rows if row.id
        ]

    return await step("list snapshots", list[Point], work)


async def _begin(
    order: Order, point: Point | None = None, *, way: Way = Way.OPEN, question: str = ""
) -> Refusal:
    """Start a run for the order's issue, in place of the one that may be under way."""
    issue = await order.issue()
    if issue.is_pull:
        return "no_issue", {}
    if not issue.is_open:
        return "closed_issue", {}
    if order.run is not None and order.run.is_active:
        n = point.n if point is not None else 0
        why = phrase(order.run.language, "rolled_back", login=order.login, n=n)
        await end(order.run, Stage.CANCELLED, why)
    await start(
        issue,
        order.login,
        order.cause,
        snapshot=point.id if point is not None else None,
        way=way,
        question=question,
    )
    return None
