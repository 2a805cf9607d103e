"""Sentences for people about what GitHub refused, and what to do about it."""

import json
import re

import httpx
from githubkit.exception import GitHubException, RequestError, RequestFailed, RequestTimeout

from shared.errors import GitHubError, GitHubUnavailable, NotFound, Refused
from shared.github.retry import is_transient, rate_limit

_TOKENS = re.compile(r"gh[pousr]_[A-Za-z0-9._-]{8,}|github_pat_\w{8,}|eyJ[\w-]{8,}\.[\w.-]+")
_LONGEST = 400  # characters of GitHub's own words

_CREDENTIALS = (
    "GitHub does not know these credentials (401). In App mode check that BATON_APP_ID and "
    "BATON_PRIVATE_KEY_FILE belong together and that this machine's clock is right; in token "
    "mode make a new token and set it as BATON_GITHUB_TOKEN."
)


def to_error(error: GitHubException, request: str) -> GitHubError:
    """Translate githubkit's exception; ``request`` is the method and path, for the sentence."""
    if isinstance(error, RequestError) and isinstance(error.exc, GitHubError):
        return error.exc  # raised while a token was fetched for the request
    limited = rate_limit(error)
    if limited is not None:
        return GitHubUnavailable(
            f"GitHub limits the rate and asks for {limited:.0f} s of rest before {request}. "
            "Baton tries again when the run is retried; fewer runs at once help."
        )
    if is_transient(error) or not isinstance(error, RequestFailed):
        return _unavailable(error, request)
    return _refusal(error.response.raw_response, request)


def _unavailable(error: GitHubException, request: str) -> GitHubUnavailable:
    if isinstance(error, RequestFailed):
        why = f"answered {error.response.status_code}"
    elif isinstance(error, RequestTimeout):
        why = "did not answer in time"
    elif isinstance(error, RequestError):
        why = f"could not be reached ({type(error.exc).__name__})"
    else:
        why = f"could not be asked ({type(error).__name__})"
    return GitHubUnavailable(
        f"GitHub {why} on {request}. See https://www.githubstatus.com and the network, "
        "then retry the run."
    )


def _refusal(response: httpx.Response, request: str) -> GitHubError:
    status, words = response.status_code, words_of(response)
    if status == httpx.codes.UNAUTHORIZED:
        return Refused(_CREDENTIALS)
    if status == httpx.codes.NOT_FOUND:
        return NotFound(
            f"GitHub finds nothing at {request} (404): {words}. It does not exist, or Baton may "
            "not see it: check the name, and that the App is installed on the repository."
        )
    if status == httpx.codes.FORBIDDEN:
        return Refused(f"GitHub forbids {request} (403): {words}. {_permission_hint(response)}")
    return Refused(f"GitHub refuses {request} ({status}): {words}. Correct what it names.")


def _permission_hint(response: httpx.Response) -> str:
    """Name the missing permission, which GitHub tells as ``issues=write; contents=read``."""
    accepted = response.headers.get("x-accepted-github-permissions", "")
    ways = [
        " and ".join(part.strip().replace("=", ": ") for part in way.split(","))
        for way in accepted.split(";")
        if way.strip()
    ]
    if not ways:
        return "Check the App's permissions and the repository's rules."
    return (
        f"It needs the permission {' or '.join(ways)}. Grant it in the App's settings, then "
        "accept the new permissions in the installation's settings."
    )


def words_of(response: httpx.Response) -> str:
    """Return GitHub's own message with the fields it complains about, without secrets."""
    try:
        body = response.json()
    except (json.JSONDecodeError, UnicodeDecodeError):
        body = None
    if not isinstance(body, dict):
        return "no reason given"
    complaints = body.get("errors")
    details = [_complaint(one) for one in complaints] if isinstance(complaints, list) else []
    return scrub("; ".join([str(body.get("message") or "no reason given"), *details]))


def _complaint(complaint: object) -> str:
    if not isinstance(complaint, dict):
        return str(complaint)
    named = " ".join(str(complaint[k]) for k in ("resource", "field", "code") if k in complaint)
    return f"{named} {complaint.get('message') or ''}".strip()


def scrub(text: str) -> str:
    """Shorten a foreign text for a message and take tokens out of it."""
    return _TOKENS.sub("[secret]", text)[:_LONGEST].rstrip(" .")
