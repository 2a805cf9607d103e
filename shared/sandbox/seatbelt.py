"""Contain commands with Seatbelt, the sandbox of macOS.

Written after Apple's published profiles and never yet run on a Mac: the tests cover the text
of the profile and the arguments, not their effect. There are no namespaces on macOS, so paths
are those of the host, the process tree is found by its parentage, and a process that leaves
it between two looks can survive.
"""

import asyncio
import contextlib
import subprocess
import tempfile
from collections.abc import Iterable, Mapping
from pathlib import Path, PurePosixPath

import psutil

from shared.errors import SandboxUnavailable
from shared.sandbox.fitness import unfit
from shared.sandbox.process import run_to_end
from shared.sandbox.values import Command, Finished, Limits, Mount, writable
from shared.sandbox.watch import Usage, family, tree_usage

_PROGRAM = Path("/usr/bin/sandbox-exec")
_PROBE_SECONDS = 20
_PAUSE = 0.05

# Programs, libraries, frameworks and compilers; nothing below a home directory.
_READABLE = (
    "/bin",
    "/dev",
    "/Library/Apple",
    "/Library/Developer",
    "/Library/Frameworks",
    "/opt/homebrew",
    "/opt/local",
    "/private/etc/localtime",
    "/private/etc/protocols",
    "/private/etc/services",
    "/private/etc/ssl",
    "/private/var/db/dyld",
    "/private/var/db/timezone",
    "/sbin",
    "/System",
    "/usr",
)
_WRITABLE_DEVICES = ("/dev/null", "/dev/zero", "/dev/dtracehelper", "/dev/tty")
_PATH = "/opt/homebrew/bin:/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin"


class Seatbelt:
    """The sandbox of macOS."""

    name = "seatbelt"

    async def run(
        self, command: Command, workspace: Path, *, git_dir: Path | None = None
    ) -> Finished:
        """Run a command in the workspace; see ``Sandbox.run``."""
        if refusal := unfit(command):
            return refusal
        with tempfile.TemporaryDirectory(prefix="baton-") as directory:
            tmp, profile = _prepare(_real(Path(directory)), command, git_dir)
            argv = arguments(profile, _real(workspace), tmp, command)
            env = environment(command, tmp)

            async def start(output: int) -> _Tree:
                process = await asyncio.create_subprocess_exec(
                    *argv,
                    env=env,
                    cwd=workspace,
                    stdin=asyncio.subprocess.DEVNULL,
                    stdout=output,
                    stderr=output,
                    start_new_session=True,
                )
                return _Tree(process)

            return await run_to_end(start, command.limits, workspace, *writable(command))

    def inside(self, path: Path, workspace: Path) -> PurePosixPath:
        """Translate a path of the workspace to its real path, which commands see."""
        return PurePosixPath(_real(workspace) / path.relative_to(workspace))


def find_seatbelt() -> Seatbelt:
    """Return the sandbox once ``true`` has run in it; raise SandboxUnavailable otherwise."""
    command = Command(argv=("/usr/bin/true",))
    with tempfile.TemporaryDirectory(prefix="baton-probe-") as directory:
        place = _real(Path(directory))
        tmp, profile = _prepare(place, command, None)
        try:
            done = subprocess.run(  # noqa: S603 - fixed program, no shell of the user's
                arguments(profile, place, tmp, command),
                env=environment(command, tmp),
                stdin=subprocess.DEVNULL,
                capture_output=True,
                timeout=_PROBE_SECONDS,
                check=False,
            )
        except (OSError, subprocess.SubprocessError) as error:
            raise SandboxUnavailable(_refusal(str(error))) from error
    if done.returncode != 0:
        raise SandboxUnavailable(_refusal(done.stderr.decode(errors="replace").strip()))
    return Seatbelt()


def _prepare(place: Path, command: Command, git_dir: Path | None) -> tuple[Path, Path]:
    """Make a home that goes away with the command, and its profile beside it."""
    tmp, profile = place / "tmp", place / "profile.sb"
    tmp.mkdir()
    profile.write_text(profile_text(command.mounts, git_dir))
    return tmp, profile


def _refusal(reason: str) -> str:
    return (
        f"There is no sandbox: {_PROGRAM} does not work here ({reason}). It cannot run inside "
        "another sandbox: start Baton from a terminal or by launchd."
    )


def profile_text(mounts: Iterable[Mount], git_dir: Path | None) -> str:
    """Write the profile: everything is denied that is not named; later rules win.

    ``WORKSPACE`` and ``TMP`` are parameters, given as real paths: a link such as ``/tmp``
    matches nothing. Mach services stay closed but for those that the C library needs, which
    shuts off the keychain and Apple Events; so does the network.
    """
    mounts = tuple(mounts)
    readable = [*map(_subpath, _READABLE), *(_subpath(_real(m.source)) for m in mounts)]
    writable = [_subpath(_real(m.source)) for m in mounts if m.writable]
    if git_dir is not None:
        readable += [_subpath(_real(git_dir)), _subpath(_common(git_dir))]
    own = ['(subpath (param "WORKSPACE"))', '(subpath (param "TMP"))']
    dot_git = '(literal (string-append (param "WORKSPACE") "/.git"))'
    below_git = '(subpath (string-append (param "WORKSPACE") "/.git"))'
    return "\n".join(
        [
            "(version 1)",
            "(deny default)",
            "(allow process-fork)",
            "(allow process-exec)",
            "(allow signal (target same-sandbox))",
            "(allow process-info* (target same-sandbox))",
            "(allow sysctl-read)",
            "(allow file-read-metadata)",
            '(allow file-read* (literal "/"))',
            f"(allow file-read* {' '.join([*own, *readable])})",
            f"(allow file-write* {' '.join([*own, *writable])})",
            f"(allow file-write-data {' '.join(map(_literal, _WRITABLE_DEVICES))})",
            f"(allow file-ioctl {_literal('/dev/tty')})",
            "(allow ipc-posix-sem)",
            '(allow mach-lookup (global-name "com.apple.system.opendirectoryd.libinfo"))',
            "(deny network*)",
            f"(deny file-write* {dot_git} {below_git})",
            "",
        ]
    )


def arguments(profile: Path, workspace: Path, tmp: Path, command: Command) -> list[str]:
    """Return the argv that sets the limits, then the profile, then becomes the command."""
    return [
        *("/bin/sh", "-c", f'{ulimits(command.limits)}; exec "$@"', "sh"),
        *(str(_PROGRAM), "-f", str(profile)),
        *("-D", f"WORKSPACE={workspace}", "-D", f"TMP={tmp}"),
        *("--", *command.argv),
    ]


def ulimits(limits: Limits) -> str:
    """Return the shell's words for the limits that the kernel holds for each process.

    File sizes are in blocks of 512 bytes. Memory and the number of processes are watched
    instead: the kernel does not hold the first, and counts the second for all of the user's.
    """
    return (
        f"ulimit -t {limits.cpu_seconds} && ulimit -f {limits.file_bytes // 512} "
        f"&& ulimit -n {limits.files} && ulimit -c 0"
    )


def environment(command: Command, tmp: Path) -> Mapping[str, str]:
    """Return the whole environment of a command; its home is the directory that goes away."""
    own = {"PATH": _PATH, "HOME": str(tmp), "TMPDIR": str(tmp), "LANG": "en_US.UTF-8"}
    return {**own, "USER": "baton", **command.env}


class _Tree:
    """The command and its descendants, remembered while they still have a parent to tell by."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self.process = process
        self._known: set[psutil.Process] = set()

    def usage(self) -> Usage:
        """Measure the tree, and remember who is in it."""
        self._known.update(family(self.process.pid))
        return tree_usage(self.process.pid)

    def kill(self) -> None:
        """Kill every process that was ever seen in the tree, and what those have started."""
        self._known.update(family(self.process.pid))
        for process in list(self._known):
            with contextlib.suppress(psutil.Error):
                self._known.update(process.children(recursive=True))
        for process in list(self._known):
            with contextlib.suppress(psutil.Error):
                process.kill()

    async def gone(self) -> None:
        """Kill again until nobody is left who answers."""
        while any(_is_alive(process) for process in list(self._known)):
            self.kill()
            await asyncio.sleep(_PAUSE)
        await self.process.wait()


def _is_alive(process: psutil.Process) -> bool:
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.Error:
        return False


def _real(path: Path) -> Path:
    return path.resolve()


def _common(git_dir: Path) -> Path:
    pointer = git_dir / "commondir"
    return _real(git_dir / pointer.read_text().strip()) if pointer.is_file() else _real(git_dir)


def _subpath(path: Path | str) -> str:
    return f"(subpath {_quoted(path)})"


def _literal(path: Path | str) -> str:
    return f"(literal {_quoted(path)})"


def _quoted(path: Path | str) -> str:
    return '"' + str(path).replace("\\", "\\\\").replace('"', '\\"') + '"'
