"""Comments: slash commands from people who may write to the repository."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from bot import notices, status
from bot.approvals import Answer, answer
from bot.commands import Command, Unknown, Verb, parse
from bot.durable import step
from bot.rendering import phrase
from bot.services import services
from bot.starting import RunView, end, latest_run, start
from shared.domain import Issue, Language, RepoRef, Stage, Value
from shared.errors import NotFound
from shared.github import Permission, Reaction
from shared.store import ApprovalState
from webhooks.delivery import Delivery
from webhooks.events import IssueCommentEvent

# Of one comment: each answer is a write, and those are counted by GitHub.
MOST_COMMANDS = 5


class Saying(Value):
    """A comment with commands, and where it stands."""

    ref: RepoRef
    number: int
    comment: int
    login: str
    language: Language

    async def reply(self, index: int, kind: str, **values: Any) -> None:  # noqa: ANN401  values of a template differ
        """Answer one of the comment's commands, once."""
        marker = f"command {self.comment}.{index}"
        await notices.say(self.ref, self.number, marker, kind, language=self.language, **values)

    async def react(self, content: Reaction) -> bool:
        """Set a reaction on the comment; tell whether it is still there."""

        async def work() -> bool:
            repo = await services().repo(self.ref)
            try:
                await repo.react(self.comment, content)
            except NotFound:
                return False
            return True

        return await step(f"react {content}", bool, work)


async def handle(_delivery: Delivery, event: IssueCommentEvent) -> None:
    """Carry out the commands of a new comment."""
    if event.action != "created" or event.comment.user.is_bot or event.sender.is_bot:
        return
    commands = [c for c in parse(event.comment.body) if _is_for_us(c)][:MOST_COMMANDS]
    if not commands:
        return
    saying = Saying(
        ref=RepoRef.parse(event.repository.full_name),
        number=event.issue.number,
        comment=event.comment.id,
        login=event.comment.user.login,
        language=notices.language_of(event.issue.title, event.issue.body),
    )
    if not await saying.react(Reaction.EYES):
        return  # taken back before it was read
    if not await _is_heard(saying, commands[0]):
        await saying.react(Reaction.CONFUSED)
        return
    done = [await _carry_out(saying, index, command) for index, command in enumerate(commands)]
    await saying.react(Reaction.THUMBS_UP if all(done) else Reaction.CONFUSED)


def _is_for_us(command: Command | Unknown) -> bool:
    """Leave other bots' commands, such as /lgtm, to them; answer what looks like a slip."""
    return isinstance(command, Command) or command.nearest is not None


async def _carry_out(saying: Saying, index: int, command: Command | Unknown) -> bool:
    """Do one command; tell whether it was done, after saying why not."""
    if isinstance(command, Unknown):
        await saying.reply(index, "unknown", word=command.word, nearest=command.nearest)
        return False
    run = await latest_run(saying.ref, saying.number)
    refusal = await _do(saying, index, command, run)
    if refusal:
        kind, values = refusal
        await saying.reply(index, kind, **values)
    return refusal is None


async def _is_heard(saying: Saying, first: Command | Unknown) -> bool:
    """Ask GitHub whether the author may give commands here; if not, tell him so, once."""

    async def work() -> Permission:
        repo = await services().repo(saying.ref)
        return await repo.permission(saying.login)

    role = await step("check permission", Permission, work)
    if not role.may_write:
        verb = first.verb if isinstance(first, Command) else first.word
        await saying.reply(0, "refused", login=saying.login, verb=verb, role=role.name.lower())
    return role.may_write


Refusal = tuple[str, dict[str, Any]] | None


async def _do(saying: Saying, index: int, command: Command, run: RunView | None) -> Refusal:
    """Do a command that its author may give; return the notice that says why it was not done."""
    if command.verb is Verb.HELP:
        await saying.reply(index, "help")
        return None
    if command.verb is Verb.RETRY:
        return await _retry(saying, run)
    if run is None:
        return "no_run", {"label": services().settings.label}
    return await _ON_RUN[command.verb](saying, index, command, run)


async def _cancel(saying: Saying, index: int, _command: Command, run: RunView) -> Refusal:
    if not run.is_active:
        return "nothing_runs", {}
    await end(run, Stage.CANCELLED, phrase(run.language, "cancelled_by", login=saying.login))
    await saying.reply(index, "cancelled", login=saying.login)
    return None


async def _show(_saying: Saying, _index: int, _command: Command, run: RunView) -> Refusal:
    async def work() -> bool:
        await status.publish(run.run_id, afresh=True)
        return True

    await step("publish status", bool, work)
    return None


async def _read_issue(saying: Saying, number: int) -> Issue:
    async def read() -> Issue:
        repo = await services().repo(saying.ref)
        return await repo.issue(number)

    return await step("read issue", Issue, read)


async def _retry(saying: Saying, run: RunView | None) -> Refusal:
    if run is not None and not run.stage.is_final:
        return "running", {}
    number = saying.number if run is None else run.number

    issue = await _read_issue(saying, number)
    if not issue.is_open:
        return "closed_issue", {}
    snapshots = await _snapshots(run) if run is not None and run.resumable else []
    await start(
        issue,
        saying.login,
        f"comment {saying.ref} {saying.comment}",
        snapshot=snapshots[-1].id if snapshots else None,
    )
    return None


class _Point(Value):
    """A snapshot that a run may go back to."""

    id: int
    n: int
    reason: str


async def _snapshots(run: RunView) -> list[_Point]:
    """List the snapshots of a run, oldest first."""

    async def work() -> list[_Point]:
        rows = await services().store.snapshots(run.run_id)
        return [_Point(id=row.id, n=row.n, reason=row.reason) for row in rows if row.id]

    return await step("list snapshots", list[_Point], work)


async def _roll_back(saying: Saying, index: int, command: Command, run: RunView) -> Refusal:
    """End what is under way, and start again from a snapshot: the named one, or the last."""
    points = await _snapshots(run)
    asked = command.argument.strip()
    chosen = [point for point in points if asked in {"", str(point.n)}]
    if run.stage in {Stage.PROPOSED, Stage.FOLLOWING_UP, Stage.CLOSED} or not chosen:
        numbers = [point.n for point in points]
        return "no_snapshot", {"asked": asked or "-", "numbers": numbers}
    issue = await _read_issue(saying, run.number)
    if not issue.is_open:
        return "closed_issue", {}
    point = chosen[-1]
    if run.is_active:
        why = phrase(run.language, "rolled_back", login=saying.login, n=point.n)
        await end(run, Stage.CANCELLED, why)
    await saying.reply(index, "rolled_back", n=point.n, reason=point.reason)
    cause = f"comment {saying.ref} {saying.comment}.{index}"
    await start(issue, saying.login, cause, snapshot=point.id)
    return None


class _Pending(Value):
    """What a run waits for, if it waits."""

    id: str = ""
    kind: str = ""


async def _decide(saying: Saying, _index: int, command: Command, run: RunView) -> Refusal:
    async def work() -> _Pending:
        approval = await services().store.pending_approval(run.run_id)
        return _Pending(id=approval.id, kind=approval.kind) if approval else _Pending()

    pending = await step("find request", _Pending, work)
    if not pending.id or not run.is_active:
        return "nothing_waits", {}
    approves = command.verb is Verb.APPROVE
    asked = command.argument.split()[0] if approves and command.argument else pending.kind
    if asked != pending.kind:
        return "wrong_kind", {"asked": asked, "expected": pending.kind}
    counts = await answer(
        run.run_id,
        pending.id,
        Answer(
            state=ApprovalState.APPROVED if approves else ApprovalState.DENIED,
            source=f"comment {saying.comment}",
            login=saying.login,
            reason="" if approves else command.argument,
        ),
    )
    return None if counts else ("nothing_waits", {})


_ON_RUN: Mapping[Verb, Callable[[Saying, int, Command, RunView], Awaitable[Refusal]]] = {
    Verb.STATUS: _show,
    Verb.CANCEL: _cancel,
    Verb.ROLLBACK: _roll_back,
    Verb.APPROVE: _decide,
    Verb.DENY: _decide,
}
"""What is done about a run that is there."""
