"""What happens to issues and pull requests, whoever causes it: state, timeline, webhooks."""

import re

from sqlalchemy import func, select

from bot.demo.forge.core import Json, Unit
from bot.demo.forge.problems import too_long
from bot.demo.forge.tables import Happening, Issue, Label, Pull, Repository
from bot.demo.forge.views import issues as issue_views
from bot.demo.forge.views import pulls as pull_views
from bot.demo.forge.views.accounts import simple_user
from bot.demo.forge.views.repositories import repository as repository_view

BODY_LIMIT = 65_536
TITLE_LIMIT = 256
_CLOSES = re.compile(r"\b(?:close[sd]?|fix(?:e[sd])?|resolve[sd]?):?\s+#(\d+)\b", re.IGNORECASE)


def check_body(resource: str, body: str | None) -> None:
    """Refuse a text over GitHub's limit for comments and bodies."""
    if body and len(body) > BODY_LIMIT:
        raise too_long(resource, "body", BODY_LIMIT)


def check_title(resource: str, title: str) -> None:
    """Refuse a title over GitHub's limit."""
    if len(title) > TITLE_LIMIT:
        raise too_long(resource, "title", TITLE_LIMIT)


async def announce(unit: Unit, event: str, repo: Repository, payload: Json) -> None:
    """Send a webhook with the repository and the sender added."""
    await unit.session.flush()
    if "repository" not in payload:
        payload["repository"] = await repository_view(unit, repo)
    payload["sender"] = simple_user(unit, unit.user)
    await unit.send(event, repo, payload)


async def announce_issue(
    unit: Unit, repo: Repository, issue: Issue, action: str, **more: object
) -> None:
    """Send an ``issues`` or ``pull_request`` event, whichever the row is."""
    if issue.pull:
        await announce_pull(unit, repo, issue.pull, action, **more)
        return
    await unit.session.flush()
    body = await issue_views.issue(unit, repo, issue)
    await announce(unit, "issues", repo, {"action": action, "issue": body, **more})


async def announce_pull(
    unit: Unit, repo: Repository, pull: Pull, action: str, **more: object
) -> None:
    """Send a ``pull_request`` event."""
    await unit.session.flush()
    body = await pull_views.full_pull(unit, repo, pull)
    payload = {"action": action, "number": pull.issue.number, "pull_request": body, **more}
    await announce(unit, "pull_request", repo, payload)


def note(unit: Unit, issue: Issue, event: str, **data: object) -> None:
    """Add an entry to a timeline."""
    unit.session.add(
        Happening(
            issue_id=issue.id, actor_id=unit.user.id, event=event, data=data, created_at=unit.now
        )
    )
    issue.updated_at = unit.now


async def next_number(repo: Repository) -> int:
    """Count issues and pull requests of a repository in one row."""
    repo.last_number += 1
    return repo.last_number


async def close(
    unit: Unit, repo: Repository, issue: Issue, reason: str | None = "completed", **data: object
) -> None:
    """Close an open issue or pull request."""
    if issue.state == "closed":
        return
    issue.state, issue.closed_at, issue.closed_by = "closed", unit.now, unit.user
    issue.state_reason = None if issue.pull else reason
    note(unit, issue, "closed", **data)
    await announce_issue(unit, repo, issue, "closed")


async def reopen(unit: Unit, repo: Repository, issue: Issue) -> None:
    """Open a closed issue or pull request again."""
    if issue.state == "open":
        return
    issue.state, issue.closed_at, issue.closed_by = "open", None, None
    issue.state_reason = None if issue.pull else "reopened"
    note(unit, issue, "reopened")
    await announce_issue(unit, repo, issue, "reopened")


async def find_label(unit: Unit, repo: Repository, name: str) -> Label | None:
    """Find a label; the case of its name does not matter."""
    query = select(Label).where(
        Label.repository_id == repo.id, func.lower(Label.name) == name.lower()
    )
    return await unit.session.scalar(query)


async def add_labels(unit: Unit, repo: Repository, issue: Issue, labels: list[Label]) -> None:
    """Put labels on an issue that it does not have yet."""
    for label in labels:
        if label in issue.labels:
            continue
        issue.labels.append(label)
        await announce_label(unit, repo, issue, label, "labeled")


async def remove_label(unit: Unit, repo: Repository, issue: Issue, label: Label) -> None:
    """Take a label off an issue."""
    issue.labels.remove(label)
    await announce_label(unit, repo, issue, label, "unlabeled")


async def announce_label(
    unit: Unit, repo: Repository, issue: Issue, label: Label, action: str
) -> None:
    """Note and send that a label came or went."""
    note(unit, issue, action, name=label.name, color=label.color)
    body = issue_views.label(unit, repo, label)
    await announce_issue(unit, repo, issue, action, label=body)


async def find_issue(unit: Unit, repo: Repository, number: int) -> Issue | None:
    """Find an issue or pull request by its number."""
    query = select(Issue).where(Issue.repository_id == repo.id, Issue.number == number)
    return await unit.session.scalar(query)


def promised(text: str) -> list[int]:
    """Return the issues that a text promises to close, such as ``Closes #7``."""
    return sorted({int(number) for number in _CLOSES.findall(text)})


async def close_mentioned(unit: Unit, repo: Repository, texts: list[str], pull: Pull) -> None:
    """Close the issues that texts of a merged pull request promise to close."""
    for number in promised("\n".join(texts)):
        issue = await find_issue(unit, repo, number)
        if issue and not issue.pull:
            await close(unit, repo, issue, by_pull=pull.issue.number)
