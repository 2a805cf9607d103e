"""Comments: commands, and words to Baton, from people who may write to the repository."""

from typing import Any

from bot import notices
from bot.commanding import DO, WITHOUT_RUN
from bot.commanding.beginning import hear
from bot.commanding.hearing import Standing, is_heard, lateness, refusal, standing
from bot.commanding.saying import Order, Refusal, Saying
from bot.commands import Command, Unknown, Verb, Words, parse
from bot.durable import step
from bot.mentions import mentions
from bot.rules import rules_of
from bot.services import services
from bot.starting import latest_run
from shared.domain import RepoRef
from shared.errors import BatonError
from shared.github import Reaction
from webhooks.delivery import Delivery
from webhooks.events import IssueCommentEvent

MOST_COMMANDS = 5
"""Of one comment: each answer is a write, and those are counted by GitHub."""
_OWN = "<!-- baton:"
"""How Baton's own comments begin; with a person's token its author is that person."""


async def handle(_delivery: Delivery, event: IssueCommentEvent) -> None:
    """Carry out the commands of a new comment."""
    if event.action != "created" or event.comment.user.is_bot or event.sender.is_bot:
        return
    if event.comment.body.startswith(_OWN):
        return
    name = await _own_name(event.comment.body)
    found = parse(event.comment.body, name)
    orders = [one for one in found if _is_for_us(one)][:MOST_COMMANDS]
    if not orders and not found and await _is_called_upon(event, name):
        orders = [Words(text=event.comment.body)]
    if not orders:
        return
    saying = Saying(
        ref=RepoRef.parse(event.repository.full_name),
        number=event.issue.number,
        comment=event.comment.id,
        login=event.comment.user.login,
        language=notices.language_of(event.issue.title, event.issue.body),
        at=event.comment.created_at,
    )
    if not await is_heard(saying):
        return
    try:
        await _answer(saying, event.comment.body, orders)
    except Exception as error:
        reason = str(error) if isinstance(error, BatonError) else type(error).__name__
        await saying.reply(MOST_COMMANDS, "failed", reason=reason)
        await saying.react(Reaction.CONFUSED)
        raise


async def _is_called_upon(event: IssueCommentEvent, name: str) -> bool:
    """Tell whether somebody who may write mentions Baton where it has nothing to do yet.

    Elsewhere people speak of Baton as well as to it, so that there a line has to begin with its
    name; and others who mention it get no answer.
    """
    if not name or event.issue.is_pull_request or not mentions(event.comment.body, name):
        return False
    ref = RepoRef.parse(event.repository.full_name)
    if await latest_run(ref, event.issue.number) is not None:
        return False
    if not (await rules_of(ref)).config.triggers.mention:
        return False

    async def work() -> bool:
        repo = await services().repo(ref)
        return (await repo.permission(event.comment.user.login)).may_write

    return await step("check permission", bool, work)


async def _answer(saying: Saying, body: str, orders: list[Command | Words | Unknown]) -> None:
    """Show that a comment was seen, do what it says, and show how that went."""
    stands = await standing(saying, body)
    if stands is Standing.TAKEN_BACK or not await saying.react(Reaction.EYES):
        return
    if stands is Standing.EDITED:
        await saying.reply(0, "edited")
        await saying.react(Reaction.CONFUSED)
        return
    all_done = True
    for index, asked in enumerate(orders):
        if denied := await refusal(saying, asked):
            await _refuse(saying, index, denied)
            all_done = False
            break  # for the next one he would be told the same
        all_done = await _carry_out(saying, index, asked) and all_done
    await saying.react(Reaction.THUMBS_UP if all_done else Reaction.CONFUSED)


async def _own_name(body: str) -> str:
    """Return what people call Baton by, if the comment calls anybody."""
    if "@" not in body:
        return ""

    async def work() -> str:
        return (await services().github.identity()).login

    return await step("read own name", str, work)


def _is_for_us(one: Command | Words | Unknown) -> bool:
    """Leave other bots' commands, such as /lgtm, to them; answer what looks like a slip."""
    return isinstance(one, Command | Words) or one.nearest is not None or one.addressed


async def _carry_out(saying: Saying, index: int, asked: Command | Words | Unknown) -> bool:
    """Do one command; tell whether it was done, after saying why not."""
    if isinstance(asked, Unknown):
        kind = "misplaced" if asked.misplaced else "unknown"
        await _refuse(saying, index, (kind, {"word": asked.word, "nearest": asked.nearest}))
        return False
    run = await latest_run(saying.ref, saying.number)
    if isinstance(asked, Words):
        run_it = Command(verb=Verb.RUN)
        order = Order(saying=saying, index=index, command=run_it, run=run)
        objection = lateness(order) or await hear(order)
    else:
        order = Order(saying=saying, index=index, command=asked, run=run)
        objection = await _do(order)
    if objection is not None:
        await _refuse(saying, index, objection)
    return objection is None


async def _do(order: Order) -> Refusal:
    if order.run is None and order.command.verb not in WITHOUT_RUN:
        return "no_run", {"label": services().settings.label}
    return lateness(order) or await DO[order.command.verb](order)


async def _refuse(saying: Saying, index: int, objection: tuple[str, dict[str, Any]]) -> None:
    kind, values = objection
    await saying.reply(index, kind, **values)
