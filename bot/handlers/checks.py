"""Checks: Baton's own runs again when asked; what fails on its branch is mended, within bounds."""

from dbos import DBOS

from bot import engine
from bot.checks import CHECK
from bot.durable import step
from bot.repair import repair
from bot.reverifying import verify_again
from bot.services import services
from bot.starting import RunView
from shared.domain import RepoRef, Stage, Value
from webhooks.delivery import Delivery
from webhooks.events import CheckRunEvent, CheckSuiteEvent

_FAILED = {"failure", "timed_out"}


async def handle_run(delivery: Delivery, event: CheckRunEvent) -> None:
    """React to somebody who wants Baton's check to be run again."""
    check, ref = event.check_run, RepoRef.parse(event.repository.full_name)
    run_id, _, sha = check.external_id.rpartition(" ")
    if event.action != "rerequested" or check.name != CHECK or sha != check.head_sha:
        return
    run = await _run(ref, run_id)
    if run is not None and await _may_write(ref, event.sender.login):
        await _verify(run, ref, sha, delivery)


async def handle_suite(delivery: Delivery, event: CheckSuiteEvent) -> None:
    """React to checks of others that failed on a commit of Baton's own, or to "Re-run all"."""
    suite, ref = event.check_suite, RepoRef.parse(event.repository.full_name)
    own = services().settings.app_id
    is_own = own is not None and suite.app is not None and suite.app.id == own
    if event.action == "rerequested":
        wanted = is_own and await _may_write(ref, event.sender.login)
    else:
        wanted = not is_own and suite.conclusion in _FAILED
    run = await _of_head(ref, suite.head_branch, suite.head_sha) if wanted else None
    if run is not None and is_own:
        await _verify(run, ref, suite.head_sha, delivery)
    elif run is not None:
        with (
            engine.once(f"{run.run_id}/repair/{suite.head_sha}"),
            engine.in_line(f"{ref}#{run.number}"),
        ):
            await DBOS.enqueue_workflow_async(engine.RUNS, repair, run.run_id, suite.head_sha)


async def _verify(run: RunView, ref: RepoRef, sha: str, delivery: Delivery) -> None:
    with (
        engine.once(f"{run.run_id}/verify/{delivery.guid}"),
        engine.in_line(f"{ref}#{run.number}"),
    ):
        await DBOS.enqueue_workflow_async(engine.RUNS, verify_again, run.run_id, sha)


class _Found(Value):
    run: RunView | None = None


async def _run(ref: RepoRef, run_id: str) -> RunView | None:
    """Return a run of this repository; an id may come from whoever can write a check."""

    async def work() -> _Found:
        run = await services().store.run(run_id)
        return _Found(run=RunView.of(run) if run and run.repo == str(ref) else None)

    return (await step("find run", _Found, work)).run


async def _of_head(ref: RepoRef, branch: str, sha: str) -> RunView | None:
    """Return the run whose proposed commit this is; a person's commit is none of Baton's."""

    async def work() -> _Found:
        for run in await services().store.runs(str(ref)):
            if branch and (run.branch, run.head_sha) == (branch, sha):
                is_over = run.stage not in {Stage.PROPOSED, Stage.FOLLOWING_UP}
                return _Found(run=None if is_over else RunView.of(run))
        return _Found()

    return (await step("find run of head", _Found, work)).run


async def _may_write(ref: RepoRef, login: str) -> bool:
    async def work() -> bool:
        repo = await services().repo(ref)
        return (await repo.permission(login)).may_write

    return await step("check permission", bool, work)
