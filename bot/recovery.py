"""Find what did not arrive: at start, on wake and every few minutes.

Two nets. An App's failed deliveries are asked for again, and come by the usual door under their
GUID. And the issues and comments touched since the last look are read, in the repositories that
had runs: what GitHub never tried to deliver, or delivers to nobody in token mode, is handed in as
a delivery whose GUID stays the same. Nothing is handed in that was seen: an opened issue that had
a run, a command with Baton's eyes on it, whatever still waits in line.
"""

import asyncio
import json
import logging
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

from dbos import DBOS

from bot import engine
from bot.mentions import calls
from shared.domain import RepoRef
from shared.errors import BatonError
from shared.github import GitHub, GitHubRepo, ListedComment, ListedIssue, Reaction
from shared.store import Store
from webhooks.delivery import Accept, Accepted, Delivery
from webhooks.recovery import KEPT, Attempt, missed, stand_in

EVERY = 300.0  # seconds between two looks
GRACE = timedelta(minutes=2)  # for what is on its way
OVERLAP = timedelta(hours=1)  # GitHub's lists lag, and clocks differ
MOST_REPOSITORIES = 20  # of the second net, those with the newest runs

_NAP = 10.0  # seconds
_SLEPT = 30.0  # seconds by which a nap has to be longer on the wall to have been a sleep
_log = logging.getLogger(__name__)


class Recovery:
    """Looks for missed deliveries, and remembers until when it has looked."""

    def __init__(
        self,
        github: GitHub,
        store: Store,
        accept: Accept,
        memory: Path,
        *,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._github, self._store, self._accept = github, store, accept
        self._memory, self._now = memory, now

    async def look(self) -> int:
        """Look once; return how many deliveries were asked for or handed in.

        Raises GitHubError when GitHub cannot be asked; the next look begins where this one did.
        """
        if not self._memory.exists():
            _write(self._memory, self._now())  # what happened before Baton came is not its concern
        asked = await self.ask_again()
        # What was asked for arrives in a moment; to hand it in as well would do it twice.
        return asked or await self.read_news()

    async def ask_again(self) -> int:
        """Let GitHub send again what failed; return how many."""
        now = self._now()
        listed = await self._github.deliveries(now - KEPT)
        if listed is None:
            return 0
        attempts = [Attempt.model_validate(one.model_dump()) for one in listed]
        due = missed(attempts, now)
        for attempt in due:
            await self._github.redeliver(attempt.id)
            _log.info("delivery %s %s: asked for again", attempt.guid, attempt.event)
        return len(due)

    async def read_news(self) -> int:
        """Hand in what was never delivered; return how many."""
        began = self._now()
        since = max(self._looked_until() - OVERLAP, began - KEPT)
        newest = dict.fromkeys(run.repo for run in await self._store.runs())
        found = 0
        for name in list(newest)[:MOST_REPOSITORIES]:
            found += await self._news_of(RepoRef.parse(name), since, began - GRACE)
        _write(self._memory, began)
        return found

    async def _news_of(self, ref: RepoRef, since: datetime, until: datetime) -> int:
        repo = await self._github.repo(ref)
        waiting = await _lines_waiting()
        found: list[Delivery] = []
        for issue in await repo.issues_since(since):
            if f"{ref}#{issue.number}" not in waiting:
                found += await self._of_issue(ref, issue, since, until)
        for comment in await repo.comments_since(since):
            if f"{ref}#{comment.number}" not in waiting and since <= comment.created_at <= until:
                found += await _of_comment(repo, comment)
        accepted = [await self._accept(delivery) for delivery in found]
        return accepted.count(Accepted.NEW)

    async def _of_issue(
        self, ref: RepoRef, issue: ListedIssue, since: datetime, until: datetime
    ) -> list[Delivery]:
        if issue.is_pull or issue.by == "Bot":
            return []
        runs = await self._store.runs(str(ref), issue.number)
        number = str(issue.number)
        if issue.state == "closed":
            open_still = runs and not runs[0].stage.is_final
            if open_still and issue.closed_at and issue.closed_at <= until:
                return [_issues(ref, issue, "closed", number, issue.closed_at.isoformat())]
        elif not runs and since <= issue.created_at <= until:
            return [_issues(ref, issue, "opened", number)]
        return []

    def _looked_until(self) -> datetime:
        """Return until when the last look went; where nobody knows, nothing is looked into."""
        try:
            return datetime.fromisoformat(json.loads(self._memory.read_text("ascii"))["until"])
        except (OSError, ValueError, KeyError, TypeError):
            return self._now()


async def recover_forever(recovery: Recovery, *, every: float = EVERY) -> None:
    """Look at once, on wake and every so many seconds, until cancelled."""
    while True:
        try:
            await recovery.look()
        except BatonError as error:
            _log.warning("looking for missed deliveries: %s", error)
        except Exception:  # noqa: BLE001  whatever it was, the next look may do better
            _log.exception("looking for missed deliveries failed")
        await nap(every)


async def nap(
    seconds: float,
    *,
    wall: Callable[[], float] = time.time,
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
) -> None:
    """Wait for so many seconds, or less when the machine slept meanwhile.

    The clock that waiting goes by stands still while a machine sleeps; the one on the wall goes
    on, so a short nap that took long was a sleep.
    """
    left = seconds
    while left > 0:
        before = wall()
        await sleep(min(_NAP, left))
        left -= _NAP
        if wall() - before > _NAP + _SLEPT:
            _log.info("awake again: looking for what was missed")
            return


async def _of_comment(repo: GitHubRepo, comment: ListedComment) -> list[Delivery]:
    """Return the delivery of a command that nobody has seen; an edited comment is no command."""
    if comment.by == "Bot" or comment.updated_at != comment.created_at:
        return []
    name = (await repo.identity()).login
    if not calls(comment.body, name):
        return []
    if await repo.has_reacted(comment.id, Reaction.EYES):
        return []
    issue = await repo.issue(comment.number)
    author = {"login": comment.author, "type": comment.by}
    payload = {
        "action": "created",
        "issue": {
            "number": issue.number,
            "title": issue.title,
            "body": issue.body,
            "user": {"login": issue.author},
            "labels": [{"name": name} for name in issue.labels],
            "state": "open" if issue.is_open else "closed",
            "pull_request": {} if issue.is_pull else None,
        },
        "comment": {
            "id": comment.id,
            "body": comment.body,
            "user": author,
            "created_at": comment.created_at,
            "updated_at": comment.updated_at,
        },
        "repository": {"full_name": str(repo.ref)},
        "sender": author,
    }
    return [stand_in("issue_comment", payload, "created", str(repo.ref), str(comment.id))]


def _issues(ref: RepoRef, issue: ListedIssue, action: str, *about: str) -> Delivery:
    who = {"login": issue.closed_by} if issue.closed_by and action == "closed" else None
    author = {"login": issue.author, "type": issue.by}
    payload = {
        "action": action,
        "issue": {
            "number": issue.number,
            "title": issue.title,
            "body": issue.body,
            "user": author,
            "labels": [{"name": name} for name in issue.labels],
            "state": issue.state,
        },
        "repository": {"full_name": str(ref)},
        "sender": author if action == "opened" else who,
    }
    return stand_in("issues", payload, action, str(ref), *about)


async def _lines_waiting() -> set[str]:
    """Return the issues of which a delivery is stored and not yet handled."""
    stored = await DBOS.list_workflows_async(
        queue_name=engine.DELIVERIES, status=["ENQUEUED", "PENDING"], load_input=False
    )
    return {one.queue_partition_key for one in stored if one.queue_partition_key}


def _write(path: Path, until: datetime) -> None:
    beside = path.with_suffix(".new")
    beside.write_text(json.dumps({"until": until.isoformat()}), "ascii")
    beside.replace(path)
