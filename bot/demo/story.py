"""The demo's story as data: the sample repository, alice's texts and the recorded model replies."""

import tomllib
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import Field

from shared.domain import Value

SAMPLE = Path(__file__).parent / "sample"
REPOSITORY = SAMPLE / "repository"
"""The files of the sample repository's first commit."""
RECORDING = SAMPLE / "recording"
"""The folder for ``Recording.load``."""


class IssueText(Value):
    """An issue as its author types it."""

    title: str
    body: str

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read Markdown whose first line is the title, with or without a leading ``#``."""
        title, _, body = text.strip().partition("\n")
        return cls(title=title.removeprefix("#").strip(), body=body.strip())


class LineComment(Value):
    """A remark on one line of the new file; ``on`` is the text of that line."""

    path: str
    line: Annotated[int, Field(ge=1)]
    on: str
    body: str


class PersonReview(Value):
    """A review of the pull request by a person."""

    author: str
    event: Literal["REQUEST_CHANGES"]
    body: str
    comments: tuple[LineComment, ...]


def issue_text() -> IssueText:
    """Read the issue with which the demo begins."""
    return IssueText.parse((SAMPLE / "issue.md").read_text("utf-8"))


def person_review() -> PersonReview:
    """Read the review with which the demo's follow-up begins."""
    review = PersonReview.model_validate(tomllib.loads((SAMPLE / "review.toml").read_text("utf-8")))
    return review.model_copy(update={"body": review.body.strip()})
