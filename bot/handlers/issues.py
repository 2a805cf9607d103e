"""Issues: opened or labelled starts a run, closed ends it."""

from bot.durable import step
from bot.rendering import phrase
from bot.services import services
from bot.starting import end, latest_run, start
from shared.domain import Issue, RepoRef, Stage, Value
from webhooks.delivery import Delivery
from webhooks.events import IssuesEvent


async def handle(delivery: Delivery, event: IssuesEvent) -> None:
    """React to a change of an issue."""
    if event.sender.is_bot or event.issue.is_pull_request:
        return
    ref, number = RepoRef.parse(event.repository.full_name), event.issue.number
    run = await latest_run(ref, number)
    if event.action == "closed":
        if run is not None and not run.stage.is_final:
            await end(
                run, Stage.CLOSED, phrase(run.language, "closed_issue", login=event.sender.login)
            )
    elif _asks_for_work(event) and (run is None or run.stage.is_final):
        await _start_if_allowed(delivery, event, ref)


def _asks_for_work(event: IssuesEvent) -> bool:
    settings = services().settings
    if event.action == "labeled":
        return event.label is not None and event.label.name == settings.label
    return event.action == "opened" and settings.start_on_open


class _Wanted(Value):
    """The issue to work on, if the one who asks may ask and it is still open."""

    issue: Issue | None


async def _start_if_allowed(delivery: Delivery, event: IssuesEvent, ref: RepoRef) -> None:
    """Start a run for people who may write; a stranger's issue waits for a maintainer's label.

    Deliveries come late and in any order, so the issue is read as it is now.
    """

    async def work() -> _Wanted:
        repo = await services().repo(ref)
        if not (await repo.permission(event.sender.login)).may_write:
            return _Wanted(issue=None)
        issue = await repo.issue(event.issue.number)
        return _Wanted(issue=issue if issue.is_open else None)

    wanted = await step("read issue and permission", _Wanted, work)
    if wanted.issue is not None:
        await start(wanted.issue, event.sender.login, f"delivery {delivery.guid}")
