"""Checks of this machine: settings and their files, folders, programs, the sandbox."""

import asyncio
import os
import re
import shlex
import shutil
import stat
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

import uv

from bot.app import connect
from bot.doctor.findings import Finding, Section
from shared.errors import ConfigurationError, SandboxUnavailable
from shared.sandbox import open_sandbox
from shared.settings import Settings

SETTINGS = Section("Settings")
MACHINE = Section("This machine")
_SHORTEST_SECRET = 16  # characters; GitHub asks for high entropy
_OLDEST_GIT = (2, 38)  # the first that knows safe.bareRepository
_ROOM_GB = 5  # mirrors, worktrees and environments of a few repositories
_MAKE_ONE = 'python3 -c "import secrets; print(secrets.token_hex(32))"'
_GET_GIT = "xcode-select --install" if sys.platform == "darwin" else "sudo apt-get install git"


async def webhook_secret(settings: Settings) -> Sequence[Finding]:
    """Look whether deliveries can be checked."""
    secret = settings.webhook_secret
    if secret is None or not secret.get_secret_value():
        mend = "Set BATON_WEBHOOK_SECRET to the App's webhook secret; to make a new one:"
        return [SETTINGS.bad("webhook", "no secret is set", mend, _MAKE_ONE)]
    if len(secret.get_secret_value()) < _SHORTEST_SECRET:
        mend = "Set a longer one here and in the App's settings; to make it:"
        return [SETTINGS.warn("webhook", "the secret is short enough to guess", mend, _MAKE_ONE)]
    return [SETTINGS.ok("webhook", "the secret is set")]


async def identity(settings: Settings, env_file: Path | None) -> Sequence[Finding]:
    """Look whether Baton knows who it is on GitHub, and keeps it to itself."""
    return [await _who(settings), *private(settings.private_key_file), *private(env_file)]


async def _who(settings: Settings) -> Finding:
    try:
        await connect(settings).aclose()
    except ConfigurationError as error:
        return SETTINGS.bad("identity", str(error))
    if settings.app_id is not None:
        key = settings.private_key_file
        return SETTINGS.ok("identity", f"App {settings.app_id}, key in {key}")
    found = "a personal token; check runs are left out, since they are for Apps only"
    return SETTINGS.ok("identity", found)


def private(file: Path | None) -> Sequence[Finding]:
    """Look whether nobody else on this machine may read a file with secrets."""
    if file is None or not file.is_file():
        return []
    mode = stat.S_IMODE(file.stat().st_mode)
    if mode & (stat.S_IRWXG | stat.S_IRWXO) == 0:
        return []
    found = f"{file} holds a secret and others may read it (mode {mode:04o})"
    return [
        SETTINGS.warn("files", found, "Keep it to yourself:", f"chmod 600 {shlex.quote(str(file))}")
    ]


async def state(settings: Settings) -> Sequence[Finding]:
    """Look whether the folders for state and cache can be written, and have room."""
    return [
        await asyncio.to_thread(_folder, "state", settings.home, "BATON_HOME"),
        await asyncio.to_thread(_folder, "cache", settings.cache, "BATON_CACHE"),
    ]


def _folder(subject: str, folder: Path, variable: str) -> Finding:
    there = next(path for path in (folder.absolute(), *folder.absolute().parents) if path.exists())
    try:
        with tempfile.TemporaryFile(dir=there):
            free = shutil.disk_usage(there).free / 1e9
    except OSError as error:
        mend = f"Let this user write there, or name another folder in {variable}."
        return MACHINE.bad(subject, f"{folder} cannot be written ({error.strerror})", mend)
    found = f"{folder}, {free:.0f} GB free"
    if free < _ROOM_GB:
        return MACHINE.warn(subject, found, f"Free some space: {_ROOM_GB} GB is little enough.")
    return MACHINE.ok(subject, found)


async def git_program() -> Sequence[Finding]:
    """Look for git and its version."""
    program = shutil.which("git")
    if program is None:
        return [MACHINE.bad("git", "is not installed", "", _GET_GIT)]
    said = await _said(program, "--version")
    number = re.search(r"(\d+)\.(\d+)\S*", said)
    if number is None:
        return [
            MACHINE.bad("git", f"{program} does not tell its version: {said[:80]}", "", _GET_GIT)
        ]
    if (int(number[1]), int(number[2])) < _OLDEST_GIT:
        mend = "It does not know safe.bareRepository, which 2.38 and newer do. Update it:"
        return [MACHINE.warn("git", f"{number[0]} is old", mend, _GET_GIT)]
    return [MACHINE.ok("git", number[0])]


async def uv_program() -> Sequence[Finding]:
    """Look for uv, which builds the environments of target repositories."""
    try:
        program = uv.find_uv_bin()
    except FileNotFoundError:
        return [MACHINE.bad("uv", "its program is missing", "Install Baton again.")]
    return [MACHINE.ok("uv", (await _said(program, "--version")).removeprefix("uv ").split(" ")[0])]


async def sandbox(settings: Settings) -> Sequence[Finding]:
    """Open the sandbox, which tries itself."""
    is_root = os.geteuid() == 0
    try:
        opened = await asyncio.to_thread(open_sandbox, allow_root=settings.allow_root_sandbox)
    except SandboxUnavailable as error:
        mend = "For the gateway that is BATON_ALLOW_ROOT_SANDBOX=true." if is_root else ""
        return [MACHINE.bad("sandbox", str(error), mend)]
    if is_root:
        mend = "Run Baton as an ordinary user wherever you can."
        return [MACHINE.warn("sandbox", f"{opened.name}, as root: a weaker boundary", mend)]
    return [MACHINE.ok("sandbox", f"{opened.name}, tried with every restriction")]


async def _said(*command: str) -> str:
    process = await asyncio.create_subprocess_exec(
        *command,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    output, _ = await process.communicate()
    return output.decode(errors="replace").strip()
