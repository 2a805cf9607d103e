"""Prune GitHub's published descriptions to what the embedded forge serves and sends.

To refresh, in an empty directory, and then from the project's root:

    npm pack @octokit/openapi@23.0.2 @octokit/openapi-webhooks@12.1.0
    for f in *.tgz; do tar xzf $f --one-top-level=${f%.tgz}; done
    python -m tests.forge.prune DIRECTORY

It writes tests/data/github/: the same bytes for the same packages.
Operations and events that the forge gains are added to the lists below.
"""

import json
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

Json = dict[str, Any]
DATA = Path(__file__).parent.parent / "data" / "github"
REST = ("octokit-openapi", "@octokit/openapi")
WEBHOOKS = ("octokit-openapi-webhooks", "@octokit/openapi-webhooks")

OPERATIONS = """
GET /app
POST /app-manifests/{code}/conversions
GET /app/hook/deliveries
GET /app/hook/deliveries/{delivery_id}
POST /app/hook/deliveries/{delivery_id}/attempts
GET /app/installations
GET /app/installations/{installation_id}
POST /app/installations/{installation_id}/access_tokens
GET /installation/repositories
GET /orgs/{org}/installation
GET /rate_limit
GET /repos/{owner}/{repo}
GET /repos/{owner}/{repo}/branches
GET /repos/{owner}/{repo}/branches/{branch}
POST /repos/{owner}/{repo}/check-runs
GET PATCH /repos/{owner}/{repo}/check-runs/{check_run_id}
GET /repos/{owner}/{repo}/check-runs/{check_run_id}/annotations
POST /repos/{owner}/{repo}/check-runs/{check_run_id}/rerequest
GET /repos/{owner}/{repo}/check-suites/{check_suite_id}
GET /repos/{owner}/{repo}/collaborators/{username}/permission
GET /repos/{owner}/{repo}/commits
GET /repos/{owner}/{repo}/commits/{ref}
GET /repos/{owner}/{repo}/commits/{ref}/check-runs
GET /repos/{owner}/{repo}/commits/{ref}/check-suites
GET /repos/{owner}/{repo}/compare/{basehead}
GET /repos/{owner}/{repo}/contents/{path}
GET /repos/{owner}/{repo}/git/matching-refs/{ref}
GET /repos/{owner}/{repo}/git/ref/{ref}
GET /repos/{owner}/{repo}/installation
GET POST /repos/{owner}/{repo}/issues
GET /repos/{owner}/{repo}/issues/comments
GET PATCH DELETE /repos/{owner}/{repo}/issues/comments/{comment_id}
GET POST /repos/{owner}/{repo}/issues/comments/{comment_id}/reactions
DELETE /repos/{owner}/{repo}/issues/comments/{comment_id}/reactions/{reaction_id}
GET PATCH /repos/{owner}/{repo}/issues/{issue_number}
GET POST /repos/{owner}/{repo}/issues/{issue_number}/comments
GET POST PUT /repos/{owner}/{repo}/issues/{issue_number}/labels
DELETE /repos/{owner}/{repo}/issues/{issue_number}/labels/{name}
GET POST /repos/{owner}/{repo}/issues/{issue_number}/reactions
DELETE /repos/{owner}/{repo}/issues/{issue_number}/reactions/{reaction_id}
GET POST /repos/{owner}/{repo}/labels
GET PATCH DELETE /repos/{owner}/{repo}/labels/{name}
GET POST /repos/{owner}/{repo}/pulls
GET PATCH DELETE /repos/{owner}/{repo}/pulls/comments/{comment_id}
GET POST /repos/{owner}/{repo}/pulls/comments/{comment_id}/reactions
DELETE /repos/{owner}/{repo}/pulls/comments/{comment_id}/reactions/{reaction_id}
GET PATCH /repos/{owner}/{repo}/pulls/{pull_number}
GET POST /repos/{owner}/{repo}/pulls/{pull_number}/comments
POST /repos/{owner}/{repo}/pulls/{pull_number}/comments/{comment_id}/replies
GET /repos/{owner}/{repo}/pulls/{pull_number}/commits
GET /repos/{owner}/{repo}/pulls/{pull_number}/files
GET PUT /repos/{owner}/{repo}/pulls/{pull_number}/merge
GET POST /repos/{owner}/{repo}/pulls/{pull_number}/reviews
GET /repos/{owner}/{repo}/pulls/{pull_number}/reviews/{review_id}
GET /repos/{owner}/{repo}/pulls/{pull_number}/reviews/{review_id}/comments
POST /repos/{owner}/{repo}/pulls/{pull_number}/reviews/{review_id}/events
GET /repos/{owner}/{repo}/readme
GET /user
GET /users/{username}
GET /users/{username}/installation
"""

EVENTS = """
check-run-completed check-run-created check-run-rerequested
installation-created ping push
issue-comment-created issue-comment-deleted issue-comment-edited
issues-closed issues-edited issues-labeled issues-opened issues-reopened issues-unlabeled
pull-request-closed pull-request-edited pull-request-labeled pull-request-opened
pull-request-ready-for-review pull-request-reopened pull-request-synchronize
pull-request-unlabeled
pull-request-review-submitted pull-request-review-comment-created
"""

# Words that explain and do not constrain.
NOISE = {
    "description",
    "example",
    "examples",
    "externalDocs",
    "summary",
    "tags",
    "title",
    "x-github",
    "x-github-breaking-changes",
}
GENERAL = ("basic-error", "validation-error", "validation-error-simple")


def strip(node: object, *, names: bool = False) -> object:
    """Drop the noise, but no property that happens to have such a name."""
    if isinstance(node, dict):
        kept = {key: value for key, value in node.items() if names or key not in NOISE}
        return {key: strip(kept[key], names=key == "properties" and not names) for key in kept}
    if isinstance(node, list):
        return [strip(item) for item in node]
    return node


def references(node: object) -> Iterable[str]:
    """Walk through every ``$ref`` of a node."""
    if isinstance(node, dict):
        if isinstance(node.get("$ref"), str):
            yield node["$ref"]
        for value in node.values():
            yield from references(value)
    elif isinstance(node, list):
        for item in node:
            yield from references(item)


def reachable(roots: object, components: Mapping[str, Json]) -> Json:
    """Collect the components that the roots lead to."""
    found: Json = {}
    waiting = list(references(roots)) + [f"#/components/schemas/{name}" for name in GENERAL]
    while waiting:
        _, _, kind, name = waiting.pop().split("/")
        if name in found.get(kind, {}) or name not in components.get(kind, {}):
            continue
        part = strip(components[kind][name])
        found.setdefault(kind, {})[name] = part
        waiting.extend(references(part))
    return {kind: dict(sorted(parts.items())) for kind, parts in sorted(found.items())}


def responses(operation: Json) -> Json:
    """Keep what an operation answers: a schema for each status."""
    kept = {}
    for status, response in operation["responses"].items():
        part = {key: value for key, value in response.items() if key in {"content", "$ref"}}
        kept[status] = without_examples(part)
    return {"responses": kept}


def without_examples(response: Json) -> Json:
    """Keep only the schemas of a response."""
    content = {
        media: {"schema": strip(body["schema"])}
        for media, body in response.get("content", {}).items()
        if "schema" in body
    }
    return response if "$ref" in response else {"content": content} if content else {}


def prune_rest(source: Json) -> Json:
    """Keep the operations."""
    paths: Json = {}
    for line in OPERATIONS.split("\n"):
        *methods, path = line.split() or [""]
        for method in methods:
            operation = source["paths"][path][method.lower()]
            paths.setdefault(path, {})[method.lower()] = responses(operation)
    correct(paths)
    shared = source["components"]
    answers = {name: without_examples(one) for name, one in shared["responses"].items()}
    return {"paths": paths, "components": reachable(paths, shared | {"responses": answers})}


def correct(paths: Json) -> None:
    """Mend what the description gets wrong.

    The list of installations says of ``account`` that it is a user *and* an enterprise
    (``allOf``), which nothing can be; one installation, by its own schema, is either.
    """
    listed = paths["/app/installations"]["get"]["responses"]["200"]["content"]
    listed["application/json"]["schema"]["items"] = {"$ref": "#/components/schemas/installation"}


def prune_webhooks(source: Json) -> Json:
    """Keep the events."""
    events = {}
    for name in EVENTS.split():
        body = source["webhooks"][name]["post"]["requestBody"]
        events[name] = strip(body["content"]["application/json"]["schema"])
    return {"webhooks": events, "components": reachable(events, source["components"])}


def write(name: str, package: str, root: Path, pruned: Json) -> None:
    """Store a description compactly, with where it comes from."""
    about = json.loads((root / "package.json").read_text("utf-8"))
    origin = {"package": package, "version": about["version"], "licence": about["license"]}
    text = json.dumps({"origin": origin, **pruned}, separators=(",", ":"), ensure_ascii=False)
    (DATA / name).write_text(text + "\n", "utf-8")
    licence = (root / "LICENSE").read_text("utf-8").strip() + "\n"
    (DATA / f"LICENSE-{Path(name).stem}").write_text(licence, "utf-8")


def load(root: Path) -> Json:
    """Read a package's description of github.com."""
    text = (root / "generated" / "api.github.com.json").read_text("utf-8")
    document: Json = json.loads(text)
    return document


def main(unpacked: Path) -> None:
    """Prune both packages."""
    for (prefix, package), name, prune in (
        (REST, "rest.json", prune_rest),
        (WEBHOOKS, "webhooks.json", prune_webhooks),
    ):
        (root,) = unpacked.glob(f"{prefix}-[0-9]*/package")
        write(name, package, root, prune(load(root)))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
