"""Checks of GitHub: in reach, the clock, who Baton is there, and what it may do and hear."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime

import httpx

from bot.doctor.arriving import LOOKED_AT, judge_deliveries
from bot.doctor.clock import ahead, judge_clock
from bot.doctor.findings import Finding, Section
from shared.errors import GitHubUnavailable
from shared.github import GitHub, GitHubUrls, Registration
from shared.github.permissions import union
from shared.settings import Settings
from webhooks.events import MODELS

UNASKED = {"ping", "installation", "installation_repositories"}
EVENTS = frozenset(MODELS) - UNASKED
"""The events that ``app.yml`` asks for; GitHub sends the others unasked."""
_RANK = {"read": 1, "write": 2, "admin": 3}


async def reach(section: Section, urls: GitHubUrls, seconds: float) -> Sequence[Finding]:
    """Ask for anything without credentials: even a refusal tells that GitHub is there.

    Raises GitHubUnavailable.
    """
    try:
        async with httpx.AsyncClient(timeout=seconds, trust_env=not urls.is_loopback) as client:
            answer = await client.get(urls.api)
    except httpx.HTTPError as error:
        raise GitHubUnavailable(
            f"{urls.api} does not answer ({type(error).__name__}). Check the network, "
            "HTTPS_PROXY, and BATON_GITHUB_API_URL."
        ) from error
    if answer.is_server_error:
        raise GitHubUnavailable(
            f"{urls.api} answers HTTP {answer.status_code}. See https://www.githubstatus.com."
        )
    clock = judge_clock(section, ahead(answer.headers.get("date")), strict=True)
    return [section.ok("reach", f"{urls.api} answers"), clock]


async def account(section: Section, github: GitHub, settings: Settings) -> Sequence[Finding]:
    """Log in, compare what the App may do and hears with what Baton needs, see what arrived.

    Closes the connection.
    """
    try:
        registration = await github.registration()
        who = await github.identity()
        attempts = await github.deliveries(datetime.now(UTC) - LOOKED_AT)
    finally:
        await github.aclose()
    found = section.ok("account", f"Baton writes as {who.login}")
    if registration is None:
        return [found]
    page = github.urls.web + registration.settings_path
    arriving = judge_deliveries(section, attempts or (), page, settings)
    return [found, *judge_app(section, registration, page), arriving]


def judge_app(section: Section, app: Registration, page: str) -> Sequence[Finding]:
    """Compare an App as it is registered with ``app.yml``; ``page`` is where its owner edits it."""
    return [
        _permissions(section, app.permissions, page),
        _events(section, app.events, page),
        *_installations(section, app, page),
    ]


def lacking(granted: Mapping[str, str]) -> tuple[str, ...]:
    """List the permissions that Baton needs beyond those granted, such as ``issues: write``."""
    return tuple(
        f"{name}: {level}"
        for name, level in sorted(union().items())
        if _RANK.get(granted.get(name, ""), 0) < _RANK[level]
    )


def _permissions(section: Section, granted: Mapping[str, str], page: str) -> Finding:
    if lacks := lacking(granted):
        mend = f"Grant them at {page}/permissions, then accept them in each installation."
        return section.bad("permissions", f"the App lacks {', '.join(lacks)}", mend)
    if "workflows" in granted:
        found = "the App may change .github/workflows, which Baton never needs"
        mend = f"Take `workflows` away at {page}/permissions: GitHub then refuses such pushes."
        return section.warn("permissions", found, mend)
    return section.ok("permissions", "as in app.yml")


def _events(section: Section, subscribed: Iterable[str], page: str) -> Finding:
    if lacks := sorted(EVENTS - set(subscribed)):
        mend = f"Subscribe to them at {page}/permissions, below the permissions."
        return section.bad("events", f"the App does not hear {', '.join(lacks)}", mend)
    return section.ok("events", "as in app.yml")


def _installations(section: Section, app: Registration, page: str) -> Sequence[Finding]:
    if not app.installations:
        mend = f"Install it on a repository at {page}/installations."
        return [section.warn("installed", "nowhere yet", mend)]
    findings = []
    for one in app.installations:
        settings = f"Its owner finds it at Settings, Applications, {app.slug}, Configure."
        if one.suspended_at is not None:
            found = f"the installation on {one.account} is suspended"
            findings.append(section.warn("installed", found, settings))
        elif lacks := lacking(one.permissions):
            found = f"{one.account} has not yet granted {', '.join(lacks)}"
            findings.append(section.bad("installed", found, f"Accept the request. {settings}"))
    if findings:
        return findings
    return [section.ok("installed", f"on {', '.join(one.account for one in app.installations)}")]
