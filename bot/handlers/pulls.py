"""Pull requests: once a person merges or closes Baton's, its run is over."""

from bot.rendering import phrase
from bot.starting import end, latest_run
from shared.domain import RepoRef, Stage
from webhooks.delivery import Delivery
from webhooks.events import PullRequestEvent


async def handle(_delivery: Delivery, event: PullRequestEvent) -> None:
    """React to a pull request that somebody merged or closed."""
    if event.action != "closed":
        return
    ref = RepoRef.parse(event.repository.full_name)
    run = await latest_run(ref, event.pull_request.number)
    if run is not None and not run.stage.is_final:
        done = "merged_pull" if event.pull_request.merged else "closed_pull"
        await end(run, Stage.CLOSED, phrase(run.language, done, login=event.sender.login))
