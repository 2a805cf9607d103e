"""What has happened in a repository since a moment, for whoever may have missed its webhooks."""

from datetime import UTC, datetime
from typing import Annotated, Any

from pydantic import AliasChoices, AliasPath, BeforeValidator, Field

from shared.github.conversation import Reaction
from shared.github.facet import Facet
from shared.github.values import Login, Read, Text


def _names(labels: Any) -> Any:  # noqa: ANN401  whatever an answer holds
    return [one["name"] if isinstance(one, dict) else one for one in labels]


_author = Field(validation_alias=AliasChoices("user", "author"))
_author_type = Field("User", validation_alias=AliasChoices(AliasPath("user", "type"), "by"))
_is_pull = Field(default=False, validation_alias=AliasChoices("pull_request", "is_pull"))
_issue = Field(validation_alias=AliasChoices("issue_url", "number"))


class ListedIssue(Read):
    """An issue or pull request in a list; ``by`` is User, Bot or Organization."""

    number: int
    title: str
    body: Text = ""
    author: Login = _author
    by: str = _author_type
    labels: Annotated[tuple[str, ...], BeforeValidator(_names)] = ()
    state: str
    created_at: datetime
    closed_at: datetime | None = None
    closed_by: str | None = Field(None, validation_alias=AliasPath("closed_by", "login"))
    is_pull: Annotated[bool, BeforeValidator(bool)] = _is_pull


class ListedComment(Read):
    """A comment in a list of a whole repository; ``number`` is its issue's."""

    id: int
    number: Annotated[
        int, BeforeValidator(lambda v: v.rpartition("/")[2] if isinstance(v, str) else v)
    ] = _issue
    body: Text = ""
    author: Login = _author
    by: str = _author_type
    created_at: datetime
    updated_at: datetime


class _Reaction(Read):
    user: Login


class News(Facet):
    """Lists over a whole repository, the longest untouched first."""

    async def issues_since(self, since: datetime) -> tuple[ListedIssue, ...]:
        """Read the issues and pull requests touched since, open or closed."""
        found = self._client.pages(
            self._at("issues"),
            ListedIssue,
            state="all",
            sort="updated",
            direction="asc",
            since=_stamp(since),
        )
        return tuple([one async for one in found])

    async def comments_since(self, since: datetime) -> tuple[ListedComment, ...]:
        """Read the comments on issues and pull requests touched since."""
        url = self._at("issues", "comments")
        found = self._client.pages(
            url, ListedComment, sort="updated", direction="asc", since=_stamp(since)
        )
        return tuple([one async for one in found])

    async def has_reacted(self, comment_id: int, content: Reaction) -> bool:
        """Tell whether Baton itself has reacted so to a comment."""
        me = (await self._identity()).login
        url = self._at("issues", "comments", comment_id, "reactions")
        found = self._client.pages(url, _Reaction, content=content.value)
        return any([one.user == me async for one in found])


def _stamp(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
