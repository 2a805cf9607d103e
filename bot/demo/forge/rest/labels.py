"""Labels of a repository and of an issue."""

import re
from typing import Annotated, Any

from fastapi import APIRouter, Body
from pydantic import BaseModel
from sqlalchemy import delete, func, select

from bot.demo.forge import acts
from bot.demo.forge.core import Json
from bot.demo.forge.problems import Problem, invalid, not_found, too_long, unacceptable
from bot.demo.forge.rest.access import AtIssues, AtLabelsWrite, Place
from bot.demo.forge.rest.paging import AnyPage, cut, page_of
from bot.demo.forge.tables import Issue, Label, issue_label
from bot.demo.forge.views.issues import label as view

router = APIRouter(prefix="/repos/{owner}/{repo}")
_NAME_LIMIT, _DESCRIPTION_LIMIT = 50, 100
_COLOR = re.compile(r"[0-9a-fA-F]{6}")
_PLAIN = "ededed"
# ["a"], {"labels": ["a"]} or [{"name": "a"}]; names_of takes them apart.
Names = Annotated[Any, Body()]


class LabelChange(BaseModel):
    """A label to make or to change."""

    name: str | None = None
    new_name: str | None = None
    color: str | None = None
    description: str | None = None


@router.get("/labels")
async def list_labels(at: AtIssues, page: AnyPage) -> list[Json]:
    """List labels of a repository."""
    query = select(Label).where(Label.repository_id == at.repo.id)
    rows = await page_of(at, page, query.order_by(func.lower(Label.name)))
    return [view(at.unit, at.repo, row) for row in rows]


@router.post("/labels", status_code=201)
async def create_label(at: AtLabelsWrite, wanted: LabelChange) -> Json:
    """Create a label."""
    if not wanted.name:
        raise invalid("Label", "name", "missing_field")
    if await acts.find_label(at.unit, at.repo, wanted.name):
        raise invalid("Label", "name", "already_exists")
    row = await _make(at, wanted.name, wanted.color, wanted.description)
    return view(at.unit, at.repo, row)


@router.get("/labels/{name:path}")
async def get_label(at: AtIssues, name: str) -> Json:
    """Get a label."""
    return view(at.unit, at.repo, await _find(at, name))


@router.patch("/labels/{name:path}")
async def update_label(at: AtLabelsWrite, name: str, wanted: LabelChange) -> Json:
    """Update a label."""
    row = await _find(at, name)
    taken = await acts.find_label(at.unit, at.repo, wanted.new_name or name)
    if taken and taken.id != row.id:
        raise invalid("Label", "name", "already_exists")
    _check(wanted.new_name or row.name, wanted.color, wanted.description)
    row.name = wanted.new_name or row.name
    row.color = (wanted.color or row.color).lower()
    if "description" in wanted.model_fields_set:
        row.description = wanted.description
    await at.session.flush()
    return view(at.unit, at.repo, row)


@router.delete("/labels/{name:path}", status_code=204)
async def delete_label(at: AtLabelsWrite, name: str) -> None:
    """Delete a label everywhere."""
    row = await _find(at, name)
    await at.session.execute(delete(issue_label).where(issue_label.c.label_id == row.id))
    await at.session.delete(row)


@router.get("/issues/{number}/labels")
async def list_issue_labels(at: AtIssues, number: int, page: AnyPage) -> list[Json]:
    """List labels of an issue."""
    return _views(at, cut(at, page, (await at.issue(number)).labels))


@router.post("/issues/{number}/labels")
async def add_issue_labels(at: AtLabelsWrite, number: int, wanted: Names = None) -> list[Json]:
    """Add labels to an issue; unknown ones are made."""
    issue = await at.issue(number)
    labels = [await find_or_make(at, name) for name in names_of(wanted)]
    await acts.add_labels(at.unit, at.repo, issue, labels)
    return _views(at, issue.labels)


@router.put("/issues/{number}/labels")
async def set_issue_labels(at: AtLabelsWrite, number: int, wanted: Names = None) -> list[Json]:
    """Replace the labels of an issue."""
    issue = await at.issue(number)
    await replace(at, issue, names_of(wanted))
    return _views(at, issue.labels)


@router.delete("/issues/{number}/labels/{name:path}")
async def remove_issue_label(at: AtLabelsWrite, number: int, name: str) -> list[Json]:
    """Take a label off an issue."""
    issue = await at.issue(number)
    row = await acts.find_label(at.unit, at.repo, name)
    if row is None or row not in issue.labels:
        raise Problem(404, "Label does not exist")
    await acts.remove_label(at.unit, at.repo, issue, row)
    return _views(at, issue.labels)


async def replace(at: Place, issue: Issue, names: list[str]) -> None:
    """Give an issue exactly these labels."""
    wanted = [await find_or_make(at, name) for name in names]
    for row in [row for row in issue.labels if row not in wanted]:
        await acts.remove_label(at.unit, at.repo, issue, row)
    await acts.add_labels(at.unit, at.repo, issue, wanted)


def names_of(wanted: object) -> list[str]:
    """Read a list of labels in any of the forms that GitHub takes. Raises Problem 422."""
    items = wanted.get("labels") if isinstance(wanted, dict) else wanted
    if not isinstance(items, list):
        raise unacceptable("Labels have to be a list of names.")
    names = [item.get("name") if isinstance(item, dict) else item for item in items]
    valid = [name for name in names if isinstance(name, str) and name]
    if len(valid) < len(names):
        raise unacceptable("Labels have to be a list of names.")
    return valid


async def find_or_make(at: Place, name: str) -> Label:
    """Return a label, made when it is missing, as GitHub does when issues are labelled."""
    return await acts.find_label(at.unit, at.repo, name) or await _make(at, name, None, None)


async def _find(at: Place, name: str) -> Label:
    row = await acts.find_label(at.unit, at.repo, name)
    if row is None:
        raise not_found()
    return row


async def _make(at: Place, name: str, color: str | None, description: str | None) -> Label:
    _check(name, color, description)
    row = Label(
        repository_id=at.repo.id,
        name=name,
        color=(color or _PLAIN).lower(),
        description=description,
    )
    at.session.add(row)
    await at.session.flush()
    return row


def _check(name: str, color: str | None, description: str | None) -> None:
    if len(name) > _NAME_LIMIT:
        raise too_long("Label", "name", _NAME_LIMIT)
    if description and len(description) > _DESCRIPTION_LIMIT:
        raise too_long("Label", "description", _DESCRIPTION_LIMIT)
    if color is not None and not _COLOR.fullmatch(color):
        raise invalid("Label", "color", "invalid")


def _views(at: Place, rows: list[Label]) -> list[Json]:
    return [view(at.unit, at.repo, row) for row in rows]
