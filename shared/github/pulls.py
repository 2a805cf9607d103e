"""Pull requests and their reviews."""

from collections.abc import Collection

from shared.errors import GitHubError, GitHubUnavailable
from shared.github.facet import Facet
from shared.github.limits import cut, cut_title
from shared.github.markers import is_marked, mark
from shared.github.outgoing import closing_only
from shared.github.values import PullRequest, Review, ReviewComment

# https://docs.github.com/en/graphql/reference/mutations#markpullrequestreadyforreview
_MARK_READY = (
    "mutation($id: ID!) { markPullRequestReadyForReview(input: {pullRequestId: $id}) "
    "{ pullRequest { isDraft } } }"
)


class Pulls(Facet):
    """Pull requests, reviews and answers to review comments."""

    async def pull(self, number: int) -> PullRequest:
        """Read a pull request."""
        return await self._client.get(self._at("pulls", number), PullRequest)

    async def pull_for_branch(self, branch: str) -> PullRequest | None:
        """Find the pull request from a branch of this repository: the open one, else the newest."""
        found = self._client.pages(
            self._at("pulls"),
            PullRequest,
            head=f"{self.ref.owner}:{branch}",
            state="all",
            sort="created",
            direction="desc",
        )
        # A server that does not know the filter answers all of them.
        pulls = [pull async for pull in found if pull.head == branch]
        return next((pull for pull in pulls if pull.is_open), pulls[0] if pulls else None)

    async def ensure_pull_request(
        self,
        head: str,
        base: str,
        title: str,
        body: str,
        *,
        draft: bool = True,
        closes: Collection[int] = (),
    ) -> PullRequest:
        """Have one pull request from a branch; an existing one is returned as it is.

        That includes a closed one: look at its state before going on. ``closes`` are the issues
        that its text may close when it is merged.
        """
        fields = {
            "head": head,
            "base": base,
            "title": cut_title(closing_only(title, closes)),
            "body": cut(closing_only(body, closes)),
            "draft": draft,
        }

        async def create() -> PullRequest:
            return await self._client.write("POST", self._at("pulls"), fields, PullRequest)

        return await self._once(lambda: self.pull_for_branch(head), create)

    async def update_pull(
        self,
        number: int,
        *,
        title: str | None = None,
        body: str | None = None,
        closes: Collection[int] = (),
    ) -> PullRequest:
        """Change title, body or both; ``closes`` as above."""
        fields: dict[str, object] = {}
        if title is not None:
            fields["title"] = cut_title(closing_only(title, closes))
        if body is not None:
            fields["body"] = cut(closing_only(body, closes))
        return await self._client.write("PATCH", self._at("pulls", number), fields, PullRequest)

    async def mark_ready(self, number: int, read: PullRequest | None = None) -> PullRequest:
        """Take a pull request out of draft; one that is ready already stays so.

        Only GraphQL can do this. ``read`` is what was read of it just now, if it was.
        """
        pull = read or await self.pull(number)
        if not pull.draft:
            return pull
        try:
            await self._client.graphql(_MARK_READY, {"id": pull.node_id})
        except GitHubUnavailable:
            raise
        except GitHubError:
            # Somebody else may have been faster, which GitHub calls an error.
            pull = await self.pull(number)
            if pull.draft:
                raise
        return pull.model_copy(update={"draft": False})

    async def review(self, number: int, review_id: int) -> Review:
        """Read a review of a pull request."""
        return await self._client.get(self._at("pulls", number, "reviews", review_id), Review)

    async def review_comments(self, number: int, review_id: int) -> tuple[ReviewComment, ...]:
        """Read the remarks that belong to one review."""
        url = self._at("pulls", number, "reviews", review_id, "comments")
        return tuple([comment async for comment in self._client.pages(url, ReviewComment)])

    async def reply_to_review_comment(
        self, number: int, comment_id: int, marker: str, body: str
    ) -> ReviewComment:
        """Answer a remark once; the marker tells the answer from others in the thread."""
        me = (await self._identity()).login
        thread = (
            await self._client.get(self._at("pulls", "comments", comment_id), ReviewComment)
        ).thread

        async def look_up() -> ReviewComment | None:
            url = self._at("pulls", number, "comments")
            async for comment in self._client.pages(url, ReviewComment):
                in_thread = comment.in_reply_to_id == thread
                if in_thread and comment.author == me and is_marked(comment.body, marker):
                    return comment
            return None

        async def create() -> ReviewComment:
            url = self._at("pulls", number, "comments", thread, "replies")
            return await self._client.write(
                "POST", url, {"body": mark(marker, body)}, ReviewComment
            )

        return await self._once(look_up, create)
