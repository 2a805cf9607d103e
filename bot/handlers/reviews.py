"""Reviews: "Request changes" on Baton's pull request brings it back to work."""

from dbos import DBOS

from bot import engine
from bot.durable import step
from bot.followup import follow_up
from bot.services import services
from bot.starting import latest_run
from shared.domain import RepoRef, Stage
from webhooks.delivery import Delivery
from webhooks.events import PullRequestReviewEvent


async def handle(_delivery: Delivery, event: PullRequestReviewEvent) -> None:
    """React to a review that somebody handed in."""
    if event.action != "submitted" or event.review.state != "changes_requested":
        return
    if event.sender.is_bot:
        return
    ref = RepoRef.parse(event.repository.full_name)
    run = await latest_run(ref, event.pull_request.number)
    if run is None or run.stage in {Stage.CANCELLED, Stage.CLOSED}:
        return

    async def work() -> bool:
        repo = await services().repo(ref)
        return (await repo.permission(event.sender.login)).may_write

    if await step("check permission", bool, work):
        with (
            engine.once(f"{run.run_id}/review/{event.review.id}"),
            engine.in_line(f"{ref}#{run.number}"),
        ):
            await DBOS.enqueue_workflow_async(engine.RUNS, follow_up, run.run_id, event.review.id)
