"""Starting, finding and ending runs. A run starts once for each cause, however often it is told."""

from datetime import datetime

from dbos import DBOS

from bot import engine, status
from bot.context import RunContext
from bot.durable import step
from bot.notices import language_of
from bot.rules import complain, rules_of
from bot.services import services
from bot.task import Way
from bot.workflow import load, solve
from bot.worktrees import discard
from shared.domain import Issue, Language, RepoRef, Stage, Value
from shared.store import Run


class RunView(Value):
    """The part of a run that handlers decide by."""

    run_id: str
    stage: Stage
    language: Language
    number: int
    created_at: datetime
    resumable: bool = False
    paused_by: str = ""

    @property
    def is_active(self) -> bool:
        """Tell whether the run is at work or waits for an answer."""
        return not self.stage.is_final and self.stage is not Stage.PROPOSED

    @classmethod
    def of(cls, run: Run) -> "RunView":
        """Take the part of a stored run."""
        return cls(
            run_id=run.id,
            stage=run.stage,
            language=run.language,
            number=run.number,
            created_at=run.created_at,
            resumable=run.resumable,
            paused_by=run.paused_by,
        )


class Lookup(Value):
    """The answer to a search for a run."""

    run: RunView | None = None


async def latest_run(ref: RepoRef, number: int) -> RunView | None:
    """Return the newest run of an issue, or of the issue behind a pull request."""

    async def work() -> Lookup:
        store = services().store
        runs = await store.runs(str(ref), number)
        run = runs[0] if runs else await store.run_of_pull(str(ref), number)
        return Lookup(run=run and RunView.of(run))

    return (await step("find run", Lookup, work)).run


async def start(
    issue: Issue,
    requester: str,
    cause: str,
    *,
    snapshot: int | None = None,
    way: Way = Way.OPEN,
    question: str = "",
) -> str:
    """Start a run for an issue and return its id; the same cause starts the same run.

    `snapshot` is the id of one to go on from, `way` says whether a plan comes first, and
    `question` is what a cloud model is to be asked before anything is built.
    """
    rules = await rules_of(issue.repo)
    language = rules.config.language or language_of(issue.title, issue.body)

    async def work() -> str:
        run = Run(
            origin=cause,
            repo=str(issue.repo),
            number=issue.number,
            requester=requester,
            title=issue.title,
            language=language,
            resumed_from=snapshot,
            way=way,
            question=question,
        )
        return (await services().store.add_run(run)).id

    run_id = await step("open run", str, work)
    with engine.once(run_id), engine.in_line(f"{issue.repo}#{issue.number}"):
        await DBOS.enqueue_workflow_async(engine.RUNS, solve, run_id)
    await complain(issue.repo, issue.number, rules, language)
    return run_id


async def end(run: RunView, stage: Stage, reason: str) -> None:
    """Stop whatever a run is doing, generation and commands included, and say so on GitHub."""

    async def work() -> bool:
        # Again until none is left: a workflow may have handed on work just before its end.
        while left := await engine.unfinished(run.run_id):
            for workflow in left:
                await DBOS.cancel_workflow_async(workflow)
        await services().store.update_run(run.run_id, stage=stage, reason=reason)
        await status.publish(run.run_id)
        return True

    await step(f"end run as {stage}", bool, work)
    await discard(await step("load run", RunContext, lambda: load(run.run_id)))
