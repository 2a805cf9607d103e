"""``baton doctor``: is everything there that Baton needs, and if not, what to type."""

import asyncio
from collections.abc import Awaitable, Sequence
from importlib.metadata import version
from pathlib import Path

from bot.app import connect
from bot.doctor import frontier, github, machine, nodes
from bot.doctor.findings import Finding, Level, Report, Section
from bot.doctor.rendering import as_json, render
from shared import profiles
from shared.errors import ConfigurationError
from shared.github import GitHubUrls
from shared.ollama.client import place
from shared.profiles import Node, Profile
from shared.settings import Settings, load_settings

__all__ = ["Finding", "Level", "Report", "as_json", "diagnose", "render"]

_SECONDS = 15.0
_PROFILE = Section("Profile")
Findings = Sequence[Finding]


async def diagnose(
    env_file: Path | None = None, profile: str | None = None, *, seconds: float = _SECONDS
) -> Report:
    """Check settings, this machine, GitHub and every node; all at once, each for so many seconds.

    ``profile`` is used in place of the one that the settings name.
    """
    settings, findings = _settings(env_file)
    household, told = _household(profile or (settings or Settings.model_construct()).profile)
    groups = await asyncio.gather(
        *_machine_checks(settings, env_file, seconds),
        *([_github(settings, seconds)] if settings else []),
    )
    at_nodes = await asyncio.gather(
        *([_node(node, household, seconds) for node in household.nodes] if household else [])
    )
    cloud = frontier.judge(household.frontier, settings) if household and settings else []
    found = [*findings, *_flat(groups), *told, *cloud, *_flat(at_nodes)]
    return Report(version=version("baton-bot"), findings=tuple(_together(found)))


def _settings(env_file: Path | None) -> tuple[Settings | None, Findings]:
    try:
        return load_settings(env_file), []
    except ConfigurationError as error:
        return None, [machine.SETTINGS.bad("settings", str(error))]


def _household(name: str) -> tuple[Profile | None, Findings]:
    try:
        profile = profiles.load(name)
    except ConfigurationError as error:
        return None, [_PROFILE.bad("profile", str(error))]
    found = f"{profile.name}: {_many(profile.nodes, 'node')}, {_many(profile.models, 'model')}"
    shared = {node.url for node in profile.nodes}
    if len(shared) < len(profile.nodes):
        mend = "Memory is counted once for each node: give every machine one [[nodes]] table."
        return profile, [_PROFILE.warn("profile", f"{found}; some share an address", mend)]
    return profile, [_PROFILE.ok("profile", found)]


def _machine_checks(
    settings: Settings | None, env_file: Path | None, seconds: float
) -> list[Awaitable[Findings]]:
    section = machine.MACHINE
    checks: list[Awaitable[Findings]] = [
        section.within(seconds, "git", machine.git_program()),
        section.within(seconds, "uv", machine.uv_program()),
    ]
    if settings is None:
        return checks
    told = machine.SETTINGS
    return [
        told.within(seconds, "webhook", machine.webhook_secret(settings)),
        told.within(seconds, "identity", machine.identity(settings, env_file)),
        section.within(seconds, "state", machine.state(settings)),
        section.within(seconds, "sandbox", machine.sandbox(settings)),
        *checks,
    ]


async def _github(settings: Settings, seconds: float) -> Findings:
    """Look for GitHub; what needs credentials is asked only where it answers."""
    section = Section("GitHub")
    try:
        urls = GitHubUrls(api=settings.github_api_url, web=settings.github_web_url)
    except ValueError:
        mend = "Write BATON_GITHUB_API_URL and BATON_GITHUB_WEB_URL without credentials."
        return [section.bad("reach", "the addresses cannot be used", mend)]
    found = await section.within(seconds, "reach", github.reach(section, urls, seconds))
    if found[0].level is not Level.OK:
        return found
    try:
        connection = connect(settings)
    except ConfigurationError:
        return found  # told among the settings
    account = github.account(section, connection, settings)
    return [*found, *await section.within(seconds, "account", account)]


async def _node(node: Node, profile: Profile, seconds: float) -> Findings:
    """Look at one node; the way to it is measured when everything else is still."""
    section = Section(place(node))
    judged = nodes.examine(section, node, profile, seconds)
    found = await section.within(seconds, "ollama", judged)
    if found[0].level is Level.BAD:
        return found
    measured = nodes.measure(section, node, seconds)
    return [*found, *await section.within(seconds, "latency", measured)]


def _many(things: Sequence[object], name: str) -> str:
    return f"{len(things)} {name}{'s' if len(things) > 1 else ''}"


def _flat(groups: Sequence[Findings]) -> list[Finding]:
    return [finding for group in groups for finding in group]


def _together(findings: Findings) -> list[Finding]:
    """Put the findings of a group side by side, the groups in the order of their first."""
    groups = dict.fromkeys(finding.group for finding in findings)
    return [finding for group in groups for finding in findings if finding.group == group]
