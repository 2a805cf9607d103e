"""Place review comments on the lines of a diff."""

from dataclasses import dataclass
from typing import Literal

from pydantic import BaseModel

from bot.demo.forge.diffs import FileDiff
from bot.demo.forge.problems import Problem

Side = Literal["LEFT", "RIGHT"]


class LineComment(BaseModel):
    """A comment on a line of a pull request's diff."""

    path: str
    body: str
    line: int | None = None
    side: Side = "RIGHT"
    start_line: int | None = None
    start_side: Side | None = None
    position: int | None = None


@dataclass(frozen=True)
class Spot:
    """Where a comment stands: the line of its side, the position in the patch, the hunk."""

    side: str
    line: int
    position: int
    hunk: str


class OutsideDiff(Problem):
    """A comment names a file or line that the diff does not show."""

    def __init__(self, field: str) -> None:
        name = f"pull_request_review_thread.{field}"
        error = {
            "resource": "PullRequestReviewComment",
            "code": "custom",
            "field": name,
            "message": f"{name} must be part of the diff",
        }
        super().__init__(422, "Validation Failed", errors=[error])
        self.field = field


def locate(files: tuple[FileDiff, ...], wanted: LineComment) -> Spot:
    """Find the spot of a comment. Raises OutsideDiff."""
    entry = next((entry for entry in files if entry.path == wanted.path), None)
    if entry is None or not entry.patch:
        raise OutsideDiff("path")
    line = None
    if wanted.line is not None:
        line = entry.find(wanted.line, wanted.side)
    elif wanted.position is not None:
        line = next((one for one in entry.lines() if one.position == wanted.position), None)
    if line is None:
        raise OutsideDiff("line")
    at = line.old if line.new is None else line.new
    if at is None:
        raise OutsideDiff("line")
    side = "LEFT" if line.kind == "-" else wanted.side
    return Spot(side, wanted.line or at, line.position, entry.hunk_until(line.position))
