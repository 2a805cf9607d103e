"""Run git on the host: explicit directories, a clean environment, nothing of the worktree obeyed.

Git obeys configuration wherever it finds some, and configuration can name programs to run.
So it finds none here: the system's and the user's files are switched off, the repository's
own lies outside of every worktree, and what is left is set on the command line.
"""

import asyncio
import contextlib
import os
import re
import signal
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import git

from shared.errors import GitError, RemoteUnavailable

_SETTINGS = {
    "core.hooksPath": os.devnull,
    "core.attributesFile": os.devnull,
    "core.excludesFile": os.devnull,
    "core.fsmonitor": "false",
    "core.untrackedCache": "false",
    "core.autocrlf": "false",
    "core.quotePath": "false",
    "core.protectHFS": "true",
    "core.protectNTFS": "true",
    "core.longPaths": "true",
    "credential.helper": "",
    "diff.ignoreSubmodules": "all",
    "fetch.recurseSubmodules": "false",
    "gc.autoDetach": "false",
    "gc.cruftPacks": "true",
    # Snapshots of a run that waits for a person are known to no branch.
    "gc.pruneExpire": "6.months.ago",
    "http.followRedirects": "false",
    "http.lowSpeedLimit": "1000",
    "http.lowSpeedTime": "60",
    "log.showSignature": "false",
    "push.gpgSign": "false",
    "push.recurseSubmodules": "no",
    "protocol.allow": "never",
    "safe.bareRepository": "explicit",
    "safe.directory": "*",
    "submodule.recurse": "false",
}
_ENVIRONMENT = {
    "GIT_ATTR_NOSYSTEM": "1",
    "GIT_CONFIG_GLOBAL": os.devnull,
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_EDITOR": "true",
    "GIT_LITERAL_PATHSPECS": "1",
    "GIT_NO_REPLACE_OBJECTS": "1",
    "GIT_OPTIONAL_LOCKS": "0",
    "GIT_PAGER": "cat",
    "GIT_TERMINAL_PROMPT": "0",
    # Where curl would look for a .netrc, and ssh for keys.
    "HOME": os.devnull,
}
# What git may inherit: how to find programs, and how to reach the network.
_INHERITED = re.compile(
    r"PATH|TMPDIR|SSL_CERT_(FILE|DIR)|(https?|all|no)_proxy|LD_LIBRARY_PATH", re.IGNORECASE
)
_SECONDS = 900.0
_GRACE = 1.0
"""Seconds that git has to end by itself."""
_ADVICE = {
    r"could not read (Username|Password)|Authentication failed|error: 40[13]": (
        "The remote refused the credentials: check that the app or token may read and write "
        "the contents of this repository."
    ),
    r"repository .* not found|error: 404": (
        "There is no such repository, or the credentials do not show it: check its name and "
        "where the app is installed."
    ),
    r"(?i)redirect|error: 30\d": (
        "The remote points elsewhere: set the repository's present address."
    ),
    r"Could not resolve host|Failed to connect|Couldn't connect|timed out|too slow": (
        "The remote cannot be reached: check the address and the network, then try again."
    ),
    r"No space left on device": "The disk is full: free some space, then try again.",
}
# What git and curl say when the way to the remote failed, rather than the remote refused.
_PASSING = re.compile(
    r"error: (?:429|5\d\d)|RPC failed|hung up|early EOF|Could not resolve host|Failed to connect"
    r"|Couldn't connect|Connection (?:reset|refused)|timed out|too slow|Empty reply from server"
)
_TELLING = ("fatal:", "error:", "remote:")
_LONGEST = 1000
_URL_SECRET = re.compile(r"(?<=://)[^/@\s]+@")


@dataclass(frozen=True)
class Git:
    """Git on one repository, and on one worktree when there is one.

    ``settings`` and ``environment`` are added to every command; values of the environment
    count as secret and never get into an error.
    """

    git_dir: Path
    work_tree: Path | None = None
    settings: Mapping[str, str] = field(default_factory=dict)
    environment: Mapping[str, str] = field(default_factory=dict, repr=False)

    async def run(
        self,
        *arguments: str,
        stdin: bytes = b"",
        environment: Mapping[str, str] | None = None,
        seconds: float = _SECONDS,
    ) -> bytes:
        """Run one command and return its standard output; cancelling ends git.

        Raises GitError with the end of what git said.
        """
        code, out, err = await self.attempt(
            *arguments, stdin=stdin, environment=environment, seconds=seconds
        )
        if code != 0:
            raise self.failure(arguments[0], err)
        return out

    async def attempt(
        self,
        *arguments: str,
        stdin: bytes = b"",
        environment: Mapping[str, str] | None = None,
        seconds: float = _SECONDS,
    ) -> tuple[int, bytes, str]:
        """Run one command; return exit code, standard output and what git said."""
        process = await asyncio.to_thread(self._start, arguments, environment or {})
        talk = asyncio.ensure_future(asyncio.to_thread(process.communicate, stdin))
        try:
            async with asyncio.timeout(seconds):
                out, err = await asyncio.shield(talk)
        except TimeoutError:
            raise RemoteUnavailable(
                f"git {arguments[0]} took longer than {seconds:.0f} s and was stopped: "
                "try again, and look at the connection to the remote."
            ) from None
        finally:
            if not talk.done():
                await _end(process, talk)
        return process.returncode, out, err.decode(errors="replace")

    async def line(self, *arguments: str) -> str:
        """Run one command and return its output as a single line of text."""
        return (await self.run(*arguments)).decode().strip()

    def failure(self, verb: str, said: str) -> GitError:
        """Return what went wrong as an error that tells whether it may pass by itself."""
        kind = RemoteUnavailable if _PASSING.search(said) else GitError
        return kind(self._complaint(verb, said))

    def _complaint(self, verb: str, said: str) -> str:
        """Say what went wrong, without a secret and with what can be done about it."""
        for secret in self.environment.values():
            said = said.replace(secret, "***")
        said = _URL_SECRET.sub("***@", said)
        lines = [line.strip() for line in said.splitlines() if line.strip()]
        telling = [line for line in lines if line.startswith(_TELLING)] or lines[-3:]
        what = " ".join(telling).rstrip(".")[:_LONGEST] or "it said nothing"
        return f"git {verb} failed: {what}. {_advice(said)}".rstrip()

    def _start(
        self, arguments: tuple[str, ...], environment: Mapping[str, str]
    ) -> git.Git.AutoInterrupt:
        """Start git by GitPython, which hands on the whole environment: take the rest out."""
        ours = {**_ENVIRONMENT, **self.environment, **environment}
        foreign = [n for n in os.environ if n not in ours and not _INHERITED.fullmatch(n)]
        settings = {**_SETTINGS, **self.settings}
        command = [
            *("env", *(part for name in foreign for part in ("-u", name))),
            *("git", f"--git-dir={self.git_dir}"),
            *([f"--work-tree={self.work_tree}"] if self.work_tree else ["--bare"]),
            *(part for name, value in settings.items() for part in ("-c", f"{name}={value}")),
            *arguments,
        ]
        return git.Git(self.git_dir).execute(
            command,
            as_process=True,
            istream=subprocess.PIPE,
            env=ours,
            start_new_session=True,
        )


async def _end(process: git.Git.AutoInterrupt, talk: asyncio.Future[tuple[bytes, bytes]]) -> None:
    """End git and the transport that it started.

    Asked to end, git takes its locks away; killed, it leaves them to whoever comes next.
    """
    for blow in (signal.SIGTERM, signal.SIGKILL):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, blow)
        done, _ = await asyncio.wait({talk}, timeout=_GRACE)
        if done:
            return
    await asyncio.wait({talk})


def _advice(said: str) -> str:
    """Say what to do about the failures that people meet."""
    return next((advice for sign, advice in _ADVICE.items() if re.search(sign, said)), "")
