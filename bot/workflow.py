"""The way of one issue, as the state diagram in ARCHITECTURE.md draws it."""

import asyncio
import logging
from types import NoneType

from agents import difficulty, planner, router
from agents.difficulty import Assessment, Helper
from agents.prompting import prompt_hash
from bot import approvals, engine, labels, protection, snapshots, worktrees
from bot.asking import dismiss
from bot.build.helping import room
from bot.checkout import Checkout
from bot.context import RunContext
from bot.counsel import get_advice, note_counsel
from bot.delegation import build_elsewhere
from bot.durable import OUTAGES, patient, step
from bot.guarding import look, signs_in
from bot.papers import write_paper
from bot.proposal import propose
from bot.rendering import render
from bot.services import services
from bot.surroundings import Surroundings
from bot.task import Task, Way
from bot.unseen import ISSUE, note_page
from bot.worktrees import discard
from shared.domain import Issue, IssueType, Role, Stage, Triage, Value
from shared.errors import BatonError, MalformedReply, RunStopped
from shared.git import Author

log = logging.getLogger(__name__)


@engine.workflow("solve")
async def solve(run_id: str) -> None:
    """Take an issue from triage to pull request, resuming after the last finished step."""
    with patient():  # who Baton is on GitHub has to be known before anything can be said there
        run = await step("load run", RunContext, lambda: load(run_id))
    try:
        task = await prepare(run, await begin(run))
        if task.wants_counsel:
            task = await get_advice(run, task)
        await run.keep(base_branch=task.basis.base_branch, base_sha=task.basis.base_sha)
        task = await construct(run, task)
        await propose(run, task)
    except BatonError as error:
        await stop(run, error)
    except Exception as error:  # a fault of ours must not end in silence either
        log.exception("%s: failed", run.run_id)
        await stop(run, RunStopped(run.phrase("fault", name=type(error).__name__)))
    await discard(run)


async def begin(run: RunContext) -> Task:
    """Start from the issue as it reads, or from the snapshot that the run was told to resume.

    Raises RunStopped when the issue has changed since that snapshot.
    """

    async def work() -> Found:
        stored = await services().store.run(run.run_id)
        assert stored is not None
        found = Found(way=Way(stored.way), question=stored.question)
        if stored.resumed_from is None:
            return found
        return found.model_copy(update={"task": await snapshots.recall(run, stored.resumed_from)})

    found = await step("find snapshot", Found, work)
    basis = await approvals.read_basis(run)
    if found.task is None:
        return Task(basis=basis, way=found.way, question=found.question)
    if found.task.basis.issue.digest != basis.issue.digest:
        raise RunStopped(run.phrase("snapshot_stale"))
    return found.task.with_(way=found.way or found.task.way, question=found.question)


class Found(Value):
    """The task of a snapshot, if there is one to resume, and what a person wants of the run."""

    task: Task | None = None
    way: Way = Way.OPEN
    question: str = ""


async def prepare(run: RunContext, task: Task) -> Task:
    """Have the issue sorted and, where one is due, planned; anew when it is edited meanwhile."""
    while task.triage is None or task.needs_plan:
        task = await (sort if task.triage is None else design)(run, task)
    return task


async def sort(run: RunContext, task: Task) -> Task:
    """Let the router guess, show the guess as labels, and ask a person when it is unsure.

    Where the issue seems to lead in the repository revises the guess.
    """
    await run.enter(Stage.TRIAGE)
    chat = run.chat(Role.ROUTER, prompt_hash=prompt_hash(Role.ROUTER))
    issue = task.basis.issue
    wanted = worktrees.path_of(run, "work"), worktrees.base_of(run, task.basis.base_sha)
    async with worktrees.opened_ahead(run, *wanted, sha=task.basis.base_sha):
        triage = await router.triage(chat, issue)
        await _label(run, issue, triage)
    task = task.with_(triage=triage).assessed(difficulty.guessed(triage))
    # Who commanded the run has not seen what the issue hides.
    if signs_in(issue) or (task.way is Way.OPEN and is_unsure(run, triage)):
        # The yes covers the difficulty that was shown, so nothing revises it here.
        return await approvals.wait(run, "triage", task)
    known = await survey(run, task)
    return await revise(run, task, difficulty.located(task.assessment, known.scores))


async def _label(run: RunContext, issue: Issue, triage: Triage) -> None:
    """Show the guess as labels, and keep it."""

    async def work() -> None:
        repo = await services().repo(run.ref)
        wanted = labels.of_triage(triage)
        await asyncio.gather(*(repo.ensure_label(label) for label in wanted))
        await repo.add_labels(run.number, [label.name for label in wanted])
        await services().store.update_run(
            run.run_id, type=triage.type, difficulty=triage.difficulty
        )
        await note_page(run.run_id, ISSUE, look(issue.title, issue.body).found)

    await step("label issue", NoneType, work)


def is_unsure(run: RunContext, triage: Triage) -> bool:
    """Tell whether a person has to confirm the guess before anything is built."""
    return triage.confidence < run.budgets.confidence or triage.type is IssueType.QUESTION


async def survey(run: RunContext, task: Task) -> Surroundings:
    """Look at the repository for what the issue is about, on its base commit."""
    base = task.basis.base_sha
    return await Checkout(run, "work", base, base=base).surroundings(task.basis.issue)


async def revise(run: RunContext, task: Task, assessment: Assessment) -> Task:
    """Go on at a revised difficulty, and say why when it is another than before."""
    if assessment.difficulty is not task.assessment.difficulty:
        await run.keep(difficulty=assessment.difficulty)
        await run.note(run.phrase("assessed", **assessment.model_dump()))
    return task.assessed(assessment)


async def construct(run: RunContext, task: Task) -> Task:
    """Have the change built; when it needs help or packages, get them and have it built on.

    Raises RunStopped when the help is refused or the attempts are used up.
    """
    while True:
        advised, task = task.advised, task.with_(builds=task.builds + 1)
        try:
            task = await build_elsewhere(run, task)
        except RunStopped:
            await note_counsel(run, advised=advised, helped=False)
            raise
        if task.wanted is Helper.PACKAGES:
            task = await protection.ask_for_packages(run, task)
            task = task if task.triage is not None else await prepare(run, task)
            continue
        await note_counsel(run, advised=advised, helped=task.wanted is None)
        if task.wanted is None:
            return task
        if task.wanted is Helper.PLANNER:
            task = await prepare(run, await design(run, task))
        else:
            task = await get_advice(run, task)


async def design(run: RunContext, task: Task) -> Task:
    """Ask for the planner, have it plan, send it away, and show the plan for approval if due.

    A person may rather have it built without a plan. An issue that is edited meanwhile is not
    sorted any more.
    """
    asks = approvals.asks(task.basis)
    if asks.planner:
        task = await approvals.wait(run, "planner", task)
        if task.triage is None:
            return task
        if task.way is Way.BUILD:
            return task.with_(wanted=None)
    try:
        task = await plan(run, task)
    finally:
        await dismiss(run, Role.PLANNER)
    if approvals.plan_is_due(asks, task):
        task = await approvals.wait(run, "plan", task)
    return task


async def plan(run: RunContext, task: Task) -> Task:
    """Let the planner design, keep the blueprint as a file, and post it."""
    basis = task.basis
    await run.enter(Stage.PLANNING, base_branch=basis.base_branch, base_sha=basis.base_sha)
    await snapshots.take(run, Stage.PLANNING, Role.PLANNER, task)
    checkout = Checkout(run, "work", basis.base_sha, base=basis.base_sha)
    known = await checkout.surroundings(basis.issue)
    chat = run.chat(Role.PLANNER, prompt_hash=prompt_hash(Role.PLANNER))
    blueprint = await planner.plan(chat, basis.issue, known.excerpt, room=room(Role.PLANNER))
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
    assessment = difficulty.planned(task.assessment, blueprint)
    return (await revise(run, task, assessment)).anew(blueprint)


async def stop(run: RunContext, error: BatonError) -> None:
    """End a run in plain sight: why, and what to type next."""
    log.warning("%s: stopped: %s", run.run_id, error)
    if isinstance(error, MalformedReply):
        error = RunStopped(await _who_failed(run), str(error))
    details = error.details if isinstance(error, RunStopped) else ""
    resumable = isinstance(error, OUTAGES) or (isinstance(error, RunStopped) and error.resumable)
    await run.enter(Stage.STOPPED, str(error), resumable=resumable)
    told = {"reason": str(error), "details": details, "resumable": resumable}
    try:
        await run.say("stopped", "stopped", **told)
    except BatonError as silent:  # the issue is gone, say, or Baton may not write there any more
        log.error("%s: that it has stopped could not be said: %s", run.run_id, silent)  # noqa: TRY400  told in one line


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
    who = await services().github.identity()
    return RunContext(
        run_id=run.id,
        ref=run.ref,
        number=run.number,
        language=run.language,
        attempt=run.attempt,
        author=Author(name=who.name, email=who.email),
    )
