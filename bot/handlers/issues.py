"""Issues: opened or labelled starts a run, closed or unlabelled ends it, edited asks anew."""

from bot import notices
from bot.approvals import void_if_changed
from bot.durable import step
from bot.mentions import mentions
from bot.rendering import phrase
from bot.rules import Rules, rules_of
from bot.services import services
from bot.starting import RunView, end, latest_run, start
from shared.domain import Issue, RepoRef, Stage, Value
from webhooks.delivery import Delivery
from webhooks.events import IssuesEvent


async def handle(delivery: Delivery, event: IssuesEvent) -> None:
    """React to a change of an issue."""
    if event.issue.is_pull_request:
        return
    ref, number = RepoRef.parse(event.repository.full_name), event.issue.number
    run = await latest_run(ref, number)
    if run is None or run.stage.is_final:
        if event.action in {"opened", "labeled"}:
            await _start_if_asked(delivery, event, ref)
    elif event.action == "closed":
        why = phrase(run.language, "closed_issue", login=event.sender.login)
        await end(run, Stage.CLOSED, why)
    elif event.action == "edited":
        await _read_again(event, ref, run)
    elif event.action == "unlabeled":
        await _end_if_unwanted(event, ref, run)


class _Wanted(Value):
    """The issue to work on, if the one who asks may ask and it is still open."""

    issue: Issue | None


async def _start_if_asked(delivery: Delivery, event: IssuesEvent, ref: RepoRef) -> None:
    """Start a run for people who may write; a stranger's issue waits for a maintainer's label.

    Deliveries come late and in any order, so the issue is read as it is now.
    """
    rules = await rules_of(ref)
    if not await _asks_for_work(event, rules):
        return

    async def work() -> _Wanted:
        repo = await services().repo(ref)
        if not (await repo.permission(event.sender.login)).may_write:
            return _Wanted(issue=None)
        issue = await repo.issue(event.issue.number)
        return _Wanted(issue=issue if issue.is_open else None)

    wanted = await step("read issue and permission", _Wanted, work)
    if wanted.issue is not None:
        await start(wanted.issue, event.sender.login, f"delivery {delivery.guid}")


async def _asks_for_work(event: IssuesEvent, rules: Rules) -> bool:
    if event.action == "labeled":
        return event.label is not None and rules.is_trigger(event.label.name)
    if rules.start_on_open:
        return True
    if not rules.config.triggers.mention or "@" not in event.issue.body:
        return False

    async def work() -> str:
        return (await services().github.identity()).login

    return mentions(event.issue.body, await step("read own name", str, work))


async def _read_again(event: IssuesEvent, ref: RepoRef, run: RunView) -> None:
    """Void what is asked about an older text; a run at work goes on with the text it has read."""
    if await void_if_changed(ref, run.number) or not run.is_active or run.stage.awaits_person:
        return
    await notices.say(
        ref,
        run.number,
        f"edited {run.run_id}",
        "edited_at_work",
        language=run.language,
        login=event.sender.login,
    )


async def _end_if_unwanted(event: IssuesEvent, ref: RepoRef, run: RunView) -> None:
    """End a run whose label somebody with write permission takes off; it was his to put there."""
    if event.label is None or not run.is_active:
        return
    if not (await rules_of(ref)).is_trigger(event.label.name):
        return

    async def work() -> bool:
        repo = await services().repo(ref)
        return (await repo.permission(event.sender.login)).may_write

    if await step("check permission", bool, work):
        why = {"login": event.sender.login, "label": event.label.name}
        await end(run, Stage.CANCELLED, phrase(run.language, "label_removed", **why))
