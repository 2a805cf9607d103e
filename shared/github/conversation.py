"""What Baton says and shows on an issue or pull request: labels, comments, reactions."""

from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from datetime import UTC, datetime
from enum import StrEnum

from pydantic import SecretStr

from shared.domain import RepoRef
from shared.errors import NotFound
from shared.github.client import Client
from shared.github.facet import Facet
from shared.github.markers import is_marked, mark
from shared.github.values import Comment, Identity, Label, Read

_REMEMBERED = 100  # comments, each of 64 KiB at most


class Reaction(StrEnum):
    """GitHub's reactions."""

    THUMBS_UP = "+1"
    THUMBS_DOWN = "-1"
    LAUGH = "laugh"
    CONFUSED = "confused"
    HEART = "heart"
    HOORAY = "hooray"
    ROCKET = "rocket"
    EYES = "eyes"


class _AnyLabel(Read):
    name: str


class Conversation(Facet):
    """Labels, comments and reactions. An issue's number and a pull request's are alike here."""

    def __init__(
        self,
        ref: RepoRef,
        client: Client,
        identity: Callable[[], Awaitable[Identity]],
        git_token: Callable[[], Awaitable[SecretStr]],
    ) -> None:
        super().__init__(ref, client, identity, git_token)
        self._marked: dict[tuple[int, str], Comment] = {}

    async def ensure_label(self, label: Label) -> None:
        """Create a label when the repository has none of that name; never repaint one."""

        async def look_up() -> _AnyLabel | None:
            return await self._client.find(self._at("labels", label.name), _AnyLabel)

        async def create() -> _AnyLabel:
            body = label.model_dump()
            return await self._client.write("POST", self._at("labels"), body, _AnyLabel)

        await self._once(look_up, create)

    async def add_labels(self, number: int, names: Iterable[str]) -> None:
        """Add labels; those it already has stay."""
        labels = list(names)
        if labels:
            url = self._at("issues", number, "labels")
            await self._client.send("POST", url, body={"labels": labels}, repeatable=True)

    async def remove_label(self, number: int, name: str) -> None:
        """Take a label off; one that is not there is no error."""
        try:
            await self._client.send("DELETE", self._at("issues", number, "labels", name))
        except NotFound:
            return

    async def comment(self, comment_id: int) -> Comment:
        """Read a comment."""
        return await self._client.get(self._at("issues", "comments", comment_id), Comment)

    async def comments(self, number: int, since: datetime | None = None) -> tuple[Comment, ...]:
        """Read the comments, oldest first; ``since`` leaves out those not touched later."""
        return tuple([comment async for comment in self._comments(number, since)])

    async def upsert_comment(
        self, number: int, marker: str, body: str, *, afresh: bool = False
    ) -> Comment:
        """Have one comment with this marker that says this: edit Baton's own, or create it.

        ``afresh`` looks whether it is still there and still says what it said last.
        """
        text = mark(marker, body)
        known = None if afresh else self._marked.get((number, marker))
        comment = known or await self._create_comment(number, marker, text)
        if comment.body != text:
            try:
                comment = await self._edit_comment(comment, text)
            except NotFound:
                # A person deleted it since; the status has to be seen all the same.
                comment = await self._create_comment(number, marker, text)
        self._remember(number, marker, comment.model_copy(update={"body": text}))
        return comment

    async def post_once(self, number: int, marker: str, body: str) -> Comment:
        """Have one comment with this marker; what it says already is never changed."""
        return await self._create_comment(number, marker, mark(marker, body))

    async def react(self, comment_id: int, content: Reaction) -> None:
        """React to a comment; GitHub keeps one reaction of a kind per account."""
        await self._react(self._at("issues", "comments", comment_id, "reactions"), content)

    async def react_to_issue(self, number: int, content: Reaction) -> None:
        """React to an issue or pull request."""
        await self._react(self._at("issues", number, "reactions"), content)

    def _remember(self, number: int, marker: str, comment: Comment) -> None:
        """Spare the next edit the search through all comments."""
        self._marked.pop((number, marker), None)
        self._marked[number, marker] = comment
        if len(self._marked) > _REMEMBERED:
            del self._marked[next(iter(self._marked))]

    async def _react(self, url: str, content: Reaction) -> None:
        await self._client.send("POST", url, body={"content": content.value}, repeatable=True)

    async def _create_comment(self, number: int, marker: str, text: str) -> Comment:
        me = (await self._identity()).login

        async def look_up() -> Comment | None:
            async for comment in self._comments(number):
                if comment.author == me and is_marked(comment.body, marker):
                    return comment
            return None

        async def create() -> Comment:
            url = self._at("issues", number, "comments")
            return await self._client.write("POST", url, {"body": text}, Comment)

        return await self._once(look_up, create)

    async def _edit_comment(self, comment: Comment, text: str) -> Comment:
        url = self._at("issues", "comments", comment.id)
        return await self._client.write("PATCH", url, {"body": text}, Comment)

    def _comments(self, number: int, since: datetime | None = None) -> AsyncIterator[Comment]:
        url = self._at("issues", number, "comments")
        if since is None:
            return self._client.pages(url, Comment)
        moment = since.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        return self._client.pages(url, Comment, since=moment)
