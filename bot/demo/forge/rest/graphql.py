"""The GraphQL mutation for which REST has no operation: a draft becomes ready for review."""

from typing import Any

from fastapi import APIRouter
from graphql import GraphQLError, GraphQLResolveInfo, build_schema, graphql
from pydantic import BaseModel

from bot.demo.forge import acts
from bot.demo.forge.config import Level
from bot.demo.forge.core import Json
from bot.demo.forge.problems import Problem
from bot.demo.forge.rest.access import AnyCall, Call
from bot.demo.forge.tables import Issue, Pull, Repository
from bot.demo.forge.views.issues import html_url

router = APIRouter()
Info = GraphQLResolveInfo[Call]

_SCHEMA = build_schema("""
    type Query { viewer: Actor! }
    type Actor { login: String! }
    enum PullRequestState { OPEN CLOSED MERGED }
    type PullRequest {
      id: ID!
      number: Int!
      title: String!
      url: String!
      isDraft: Boolean!
      state: PullRequestState!
    }
    input MarkPullRequestReadyForReviewInput { pullRequestId: ID!, clientMutationId: String }
    type MarkPullRequestReadyForReviewPayload {
      pullRequest: PullRequest
      clientMutationId: String
    }
    type Mutation {
      markPullRequestReadyForReview(
        input: MarkPullRequestReadyForReviewInput!
      ): MarkPullRequestReadyForReviewPayload
    }
""")


class Question(BaseModel):
    """A GraphQL request."""

    query: str
    variables: dict[str, Any] | None = None
    operationName: str | None = None  # noqa: N815  GraphQL's own name of the field


@router.post("/graphql")
async def answer(call: AnyCall, question: Question) -> Json:
    """Answer a GraphQL request; problems come as ``errors`` under status 200, as on GitHub."""
    if call.unit.actor.account is None:
        raise Problem(401, "This endpoint requires you to be authenticated.")
    result = await graphql(
        _SCHEMA,
        question.query,
        root_value=_Root(),
        context_value=call,
        variable_values=question.variables,
        operation_name=question.operationName,
    )
    return {
        "data": result.data,
        **({"errors": [_error(error) for error in result.errors]} if result.errors else {}),
    }


class _Root:
    """Resolves the operations."""

    def viewer(self, info: Info) -> Json:
        return {"login": info.context.unit.user.login}

    async def markPullRequestReadyForReview(  # noqa: N802  GraphQL's own name of the mutation
        self, info: Info, **arguments: Json
    ) -> Json:
        wanted, call = arguments["input"], info.context
        pull, repo = await _find(call, wanted["pullRequestId"])
        if pull.issue.state != "open":
            raise _refusal("UNPROCESSABLE", "Pull request is closed.")
        if pull.draft:
            pull.draft = False
            acts.note(call.unit, pull.issue, "ready_for_review")
            await acts.announce_pull(call.unit, repo, pull, "ready_for_review")
        return {
            "clientMutationId": wanted.get("clientMutationId"),
            "pullRequest": _view(call, repo, pull),
        }


async def _find(call: Call, node_id: str) -> tuple[Pull, Repository]:
    kind, _, number = node_id.partition("_")
    issue = None
    if kind == "PR" and number.isdigit():
        issue = await call.session.get(Issue, int(number))
    missing = _refusal(
        "NOT_FOUND", f"Could not resolve to a node with the global id of '{node_id}'"
    )
    if issue is None or issue.pull is None:
        raise missing
    pull = issue.pull
    repo = await call.session.get_one(Repository, pull.issue.repository_id)
    actor, unit = call.unit.actor, call.unit
    if actor.installation:
        if not actor.covers(repo):
            raise missing
        # GitHub asks for contents here, too.
        if not all(actor.granted(name, "write") for name in ("pull_requests", "contents")):
            raise _refusal("FORBIDDEN", "Resource not accessible by integration")
    elif await unit.level(repo, unit.user) < Level.WRITE:
        own = pull.issue.author_id == unit.user.id
        if not own:
            raise _refusal("FORBIDDEN", f"{unit.user.login} does not have the correct permissions")
    return pull, repo


def _view(call: Call, repo: Repository, pull: Pull) -> Json:
    state = "MERGED" if pull.merged_at else pull.issue.state.upper()
    return {
        "id": f"PR_{pull.id}",
        "number": pull.issue.number,
        "title": pull.issue.title,
        "url": html_url(call.unit, repo, pull.issue),
        "isDraft": pull.draft,
        "state": state,
    }


def _refusal(kind: str, message: str) -> GraphQLError:
    return GraphQLError(message, extensions={"type": kind})


def _error(error: GraphQLError) -> Json:
    """Write an error as GitHub does, with its type on the top level."""
    body: Json = {"message": error.message}
    if kind := (error.extensions or {}).get("type"):
        body = {"type": kind, **body}
    if error.path:
        body["path"] = error.path
    if error.locations:
        body["locations"] = [{"line": at.line, "column": at.column} for at in error.locations]
    return body
