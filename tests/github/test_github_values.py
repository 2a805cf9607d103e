import pytest
from pydantic import TypeAdapter, ValidationError

from shared.domain import RepoRef
from shared.github import (
    Branch,
    CheckRun,
    Comment,
    GitHubUrls,
    Permission,
    PullRequest,
    ReviewComment,
)
from shared.github.values import Read

COMMENT = {
    "id": 1,
    "body": None,
    "user": None,
    "html_url": "https://github.com/o/r/issues/1#issuecomment-1",
    "url": "https://api.github.com/repos/o/r/issues/comments/1",
    "created_at": "2026-11-21T09:00:00Z",
    "updated_at": "2026-11-21T09:00:01Z",
    "reactions": {"+1": 3},
}
PULL = {
    "number": 7,
    "node_id": "PR_1",
    "title": "t",
    "body": "b",
    "state": "closed",
    "draft": False,
    "merged_at": "2026-11-21T09:00:00Z",
    "user": {"login": "baton[bot]"},
    "head": {"ref": "baton/issue-1-x", "sha": "a" * 40, "repo": None},
    "base": {"ref": "main", "sha": "b" * 40},
    "html_url": "https://github.com/o/r/pull/7",
}
CHECK = {
    "id": 3,
    "name": "Baton",
    "head_sha": "a" * 40,
    "status": "queued",
    "conclusion": None,
    "external_id": None,
    "output": {"annotations_count": 50},
    "html_url": "https://github.com/o/r/runs/3",
}
REMARK = {"id": 4, "path": "a.py", "body": "no", "user": {"login": "alice"}, "in_reply_to_id": 2}


@pytest.mark.parametrize(
    ("model", "answer"),
    [
        (Comment, COMMENT),
        (PullRequest, PULL),
        (CheckRun, CHECK),
        (ReviewComment, REMARK),
        (Branch, {"name": "main", "commit": {"sha": "c" * 40}, "protected": True}),
    ],
)
def test_what_a_durable_step_returns_reads_back(
    model: type[Read], answer: dict[str, object]
) -> None:
    """Each value survives the trip through JSON that a recorded step makes."""
    value = model.model_validate(answer)
    adapter = TypeAdapter(model)
    assert adapter.validate_python(adapter.dump_python(value, mode="json")) == value
    assert adapter.validate_json(adapter.dump_json(value)) == value


def test_answers_are_read_by_their_nested_names() -> None:
    """Branches, authors, pages and counts come from where GitHub puts them."""
    pull = PullRequest.model_validate(PULL)
    assert (pull.head, pull.head_sha[0], pull.base, pull.base_sha[0]) == (
        "baton/issue-1-x",
        "a",
        "main",
        "b",
    )
    assert pull.merged
    assert not pull.is_open
    assert pull.author == "baton[bot]"
    comment = Comment.model_validate(COMMENT)
    assert (comment.author, comment.body, comment.url) == ("ghost", "", COMMENT["html_url"])
    assert CheckRun.model_validate(CHECK).annotations == 50
    assert ReviewComment.model_validate(REMARK).thread == 2


def test_permissions_are_ordered() -> None:
    """From write upwards somebody may approve; below nobody may."""
    assert [one for one in Permission if one.may_write] == [
        Permission.WRITE,
        Permission.MAINTAIN,
        Permission.ADMIN,
    ]


def test_addresses_of_github_and_of_a_server() -> None:
    """github.com and Enterprise servers keep API, GraphQL, pages and git at their own places."""
    ref = RepoRef.parse("o/r")
    public = GitHubUrls()
    assert public.graphql == "https://api.github.com/graphql"
    assert public.clone(ref) == "https://github.com/o/r.git"
    assert (public.host, public.is_loopback) == ("github.com", False)
    server = GitHubUrls.of_server("http://127.0.0.1:1234/")
    assert server.api == "http://127.0.0.1:1234/api/v3"
    assert server.graphql == "http://127.0.0.1:1234/api/graphql"
    assert server.repository(ref) == "http://127.0.0.1:1234/o/r"
    assert (server.host, server.is_loopback) == ("127.0.0.1", True)


@pytest.mark.parametrize("url", ["github.com", "ftp://github.com", "https://me:secret@github.com"])
def test_bad_addresses_are_refused(url: str) -> None:
    """An address without scheme or with credentials in it is no address."""
    with pytest.raises(ValidationError, match="must"):
        GitHubUrls(api=url)
