"""Who is heard: people with the permission it takes, in time, as they said it, not too often."""

from datetime import timedelta
from enum import StrEnum

from dbos import DBOS

from bot.commanding.saying import Order, Refusal, Saying
from bot.commands import Command, Unknown, Verb, Words, parse
from bot.durable import step
from bot.services import services
from shared.errors import NotFound
from shared.github import Permission
from shared.store import Ears, Hearing
from shared.store.heard import MOST, WINDOW

_LOOKING = {Verb.STATUS, Verb.HELP}
"""What changes nothing, so that those may ask for it who look after issues."""
_CLOCKS = timedelta(minutes=2)
"""By how much GitHub's clock and this machine's may differ."""


class Standing(StrEnum):
    """How a comment stands at the moment when it is read."""

    AS_SAID = "as_said"
    EDITED = "edited"
    TAKEN_BACK = "taken_back"


async def standing(saying: Saying, body: str) -> Standing:
    """Compare a comment with what was delivered of it; one without commands is taken back."""

    async def work() -> Standing:
        repo = await services().repo(saying.ref)
        try:
            now = await repo.comment(saying.comment)
        except NotFound:
            return Standing.TAKEN_BACK
        if _plain(now.body) == _plain(body) and now.updated_at <= now.created_at:
            return Standing.AS_SAID
        return Standing.EDITED if parse(now.body) else Standing.TAKEN_BACK

    return await step("look at the comment", Standing, work)


def _plain(body: str) -> str:
    return body.replace("\r\n", "\n").strip()


async def is_heard(saying: Saying) -> bool:
    """Count what somebody says; who says too much is told so once, and then not heard a while.

    A comment is heard once, however many deliveries tell of it; one that failed may be repeated.
    """
    # As bot/inbox.py names a delivery that comes again after it has failed for good.
    delivery = str(DBOS.workflow_id).rstrip("+")

    async def work() -> Hearing:
        key = f"{saying.ref} {saying.comment}"
        return await Ears(services().store.engine).hear(saying.login.lower(), key, delivery)

    hearing = await step("count", Hearing, work)
    if hearing is Hearing.TOO_OFTEN:
        minutes = int(WINDOW.total_seconds() // 60)
        await saying.reply(0, "too_often", login=saying.login, most=MOST, minutes=minutes)
    return hearing is Hearing.YES


async def refusal(saying: Saying, asked: Command | Words | Unknown) -> Refusal:
    """Ask GitHub whether somebody may say this here, now; return the notice if not."""

    async def work() -> Permission:
        repo = await services().repo(saying.ref)
        return await repo.permission(saying.login)

    role = await step("check permission", Permission, work)
    command = Command(verb=Verb.RUN) if isinstance(asked, Words) else asked
    looks = isinstance(command, Unknown) or command.verb in _LOOKING
    if role >= (Permission.TRIAGE if looks else Permission.WRITE):
        return None
    verb = command.word if isinstance(command, Unknown) else command.verb
    values = {"login": saying.login, "verb": verb, "role": role.name.lower(), "looks": looks}
    return "refused", values


def lateness(order: Order) -> Refusal:
    """Refuse what was said before the run began that it would move."""
    if order.run is None or order.command.verb in _LOOKING:
        return None
    if order.saying.at + _CLOCKS < order.run.created_at:
        return "too_late", {"verb": order.command.verb}
    return None
