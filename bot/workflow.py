"""The way of one issue, as the state diagram in ARCHITECTURE.md draws it."""

import logging
from types import NoneType

from agents import planner, router
from agents.prompting import prompt_hash
from bot import approvals, engine, labels
from bot.approvals import Basis, read_basis
from bot.build import Assignment, build
from bot.checkout import Checkout, discard
from bot.context import RunContext
from bot.durable import step
from bot.papers import write_paper
from bot.proposal import propose
from bot.rendering import render
from bot.services import services
from shared.domain import Blueprint, Issue, IssueType, Role, Stage, Triage
from shared.errors import BatonError, MalformedReply, RunStopped

log = logging.getLogger(__name__)


@engine.workflow("solve")
async def solve(run_id: str) -> None:
    """Take an issue from triage to pull request, resuming after the last finished step."""
    run = await step("load run", RunContext, lambda: load(run_id))
    try:
        basis = await read_basis(run)
        triage = await sort(run, basis.issue)
        if is_unsure(run, triage):
            basis = await approvals.wait(run, "triage", basis, triage)
        if triage.needs_planner and services().profile.approvals.planner:
            basis = await approvals.wait(run, "planner", basis, triage)
        await run.keep(base_branch=basis.base_branch, base_sha=basis.base_sha)
        blueprint = await plan(run, basis) if triage.needs_planner else None
        assignment = Assignment(
            issue=basis.issue, triage=triage, blueprint=blueprint, base_sha=basis.base_sha
        )
        change = await build(run, assignment)
        await propose(run, basis, change)
    except BatonError as error:
        await stop(run, error)
    except Exception as error:  # a fault of ours must not end in silence either
        log.exception("%s: failed", run.run_id)
        await stop(run, RunStopped(run.phrase("fault", name=type(error).__name__)))
    await discard(run)


async def sort(run: RunContext, issue: Issue) -> Triage:
    """Let the router guess, and show the guess as labels."""
    await run.enter(Stage.TRIAGE)
    triage = await router.triage(run.chat(Role.ROUTER, prompt_hash=prompt_hash(Role.ROUTER)), issue)

    async def work() -> None:
        repo = await services().repo(run.ref)
        wanted = labels.of_triage(triage)
        for label in wanted:
            await repo.ensure_label(label)
        await repo.add_labels(run.number, [label.name for label in wanted])
        await services().store.update_run(
            run.run_id, type=triage.type, difficulty=triage.difficulty
        )

    await step("label issue", NoneType, work)
    return triage


def is_unsure(run: RunContext, triage: Triage) -> bool:
    """Tell whether a person has to confirm the guess before anything is built."""
    return triage.confidence < run.budgets.confidence or triage.type is IssueType.QUESTION


async def plan(run: RunContext, basis: Basis) -> Blueprint:
    """Let the planner design, keep the blueprint as a file, and post it."""
    await run.enter(Stage.PLANNING, base_branch=basis.base_branch, base_sha=basis.base_sha)
    checkout = Checkout(run, "work", basis.base_sha, base=basis.base_sha)
    known = await checkout.surroundings(basis.issue)
    chat = run.chat(Role.PLANNER, prompt_hash=prompt_hash(Role.PLANNER))
    blueprint = await planner.plan(chat, basis.issue, known.excerpt)
    text = render(
        "blueprint",
        run.language,
        recorded_models=services().profile.recorded,
        **blueprint.model_dump(),
    )

    async def work() -> None:
        await write_paper(run, "blueprint.md", text)
        repo = await services().repo(run.ref)
        await repo.upsert_comment(run.number, f"blueprint {run.run_id}", text)

    await step("post blueprint", NoneType, work)
    return blueprint


async def stop(run: RunContext, error: BatonError) -> None:
    """End a run in plain sight: why, and what to type next."""
    log.warning("%s: stopped: %s", run.run_id, error)
    if isinstance(error, MalformedReply):
        error = RunStopped(await _who_failed(run), str(error))
    details = error.details if isinstance(error, RunStopped) else ""
    await run.enter(Stage.STOPPED, str(error))
    await run.say("stopped", "stopped", reason=str(error), details=details)


async def _who_failed(run: RunContext) -> str:
    """Name the agent that answered last, and its model."""

    async def work() -> str:
        last = (await services().store.usage(run.run_id))[-1]
        return run.phrase("malformed", agent=Role(last.role).agent, model=last.model)

    return await step("find who failed", str, work)


async def load(run_id: str) -> RunContext:
    """Read what a workflow carries along."""
    run = await services().store.run(run_id)
    assert run is not None, "a run is stored before it is started"
    return RunContext(
        run_id=run.id,
        ref=run.ref,
        number=run.number,
        language=run.language,
        attempt=run.attempt,
    )
