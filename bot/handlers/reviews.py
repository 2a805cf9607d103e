"""Reviews and remarks on Baton's pull request bring it back to work.

A review that requests changes always does. One that only comments, and a single remark, do when
they call Baton by its name or begin with `/run` or `/retry`.
"""

from bot.commands import Command, Verb, parse
from bot.durable import step
from bot.followup import ask_for
from bot.mentions import mentions
from bot.rules import rules_of
from bot.services import services
from bot.starting import RunView, latest_run
from shared.domain import RepoRef, Stage
from webhooks.delivery import Delivery
from webhooks.events import PullRequestReviewCommentEvent, PullRequestReviewEvent

_AGAIN = {Verb.RUN, Verb.RETRY}
_OWN = "<!-- baton:"


async def handle(_delivery: Delivery, event: PullRequestReviewEvent) -> None:
    """React to a review that somebody handed in."""
    ref, review = RepoRef.parse(event.repository.full_name), event.review
    if event.action != "submitted" or review.state not in {"changes_requested", "commented"}:
        return
    run = await _open_run(ref, event.pull_request.number)
    if run is None or not await _may_write(ref, event.sender.login):
        return
    is_wanted = review.state == "changes_requested" or await _is_called(
        ref, [review.body, *await _remarks(ref, event.pull_request.number, review.id)]
    )
    if is_wanted:
        await ask_for(run.run_id, review.id, f"{ref}#{run.number}")


async def handle_comment(_delivery: Delivery, event: PullRequestReviewCommentEvent) -> None:
    """React to a remark on a line; it belongs to a review, if only to one of its own."""
    ref, review_id = RepoRef.parse(event.repository.full_name), event.comment.pull_request_review_id
    if event.action != "created" or review_id is None:
        return
    run = await _open_run(ref, event.pull_request.number)
    if run is None or not await _is_called(ref, [event.comment.body]):
        return
    if await _may_write(ref, event.sender.login):
        await ask_for(run.run_id, review_id, f"{ref}#{run.number}")


async def _open_run(ref: RepoRef, number: int) -> RunView | None:
    """Return the run of a pull request, unless a person has put an end to it."""
    run = await latest_run(ref, number)
    return None if run is None or run.stage in {Stage.CANCELLED, Stage.CLOSED} else run


async def _may_write(ref: RepoRef, login: str) -> bool:
    async def work() -> bool:
        repo = await services().repo(ref)
        return (await repo.permission(login)).may_write

    return await step("check permission", bool, work)


async def _remarks(ref: RepoRef, number: int, review_id: int) -> list[str]:
    async def work() -> list[str]:
        repo = await services().repo(ref)
        return [comment.body for comment in await repo.review_comments(number, review_id)]

    return await step("read remarks", list[str], work)


async def _is_called(ref: RepoRef, texts: list[str]) -> bool:
    """Tell whether one of the texts calls Baton; its own, under a person's token, never do."""

    async def work() -> str:
        return (await (await services().repo(ref)).identity()).login

    said = [text for text in texts if not text.startswith(_OWN)]
    if not any("@" in text or "/" in text for text in said):
        return False
    name = await step("read own name", str, work)
    if any(begins_again(text, name) for text in said):
        return True
    return (
        any(mentions(text, name) for text in said) and (await rules_of(ref)).config.triggers.mention
    )


def begins_again(text: str, name: str) -> bool:
    """Tell whether a text begins with a command to go back to work. Pure."""
    first = next(iter(parse(text, name)), None)
    return isinstance(first, Command) and first.verb in _AGAIN
