"""What a contained command is made of, and what comes back from it."""

from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path, PurePosixPath
from typing import Annotated, Protocol

from pydantic import Field

from shared.domain import Value

_GIB = 1024**3


class Limits(Value):
    """What one command may use; beyond it the whole process tree is killed.

    ``cpu_seconds``, ``file_bytes`` and ``files`` (open at once) hold for each process,
    everything else for the tree. ``memory_bytes`` is resident memory. ``disk_bytes`` is the
    growth of the workspace. ``output_bytes`` is how much of the output is kept; 32 MiB more
    than that end the command.
    """

    seconds: Annotated[float, Field(gt=0)] = 300.0
    cpu_seconds: Annotated[int, Field(gt=0)] = 900
    memory_bytes: Annotated[int, Field(gt=0)] = 4 * _GIB
    processes: Annotated[int, Field(gt=0)] = 512
    file_bytes: Annotated[int, Field(gt=0)] = _GIB
    files: Annotated[int, Field(gt=0)] = 1024
    disk_bytes: Annotated[int, Field(gt=0)] = 2 * _GIB
    output_bytes: Annotated[int, Field(gt=0)] = 200_000


class Mount(Value):
    """A host path that a command may see, read-only unless said otherwise.

    The source has to be under the host's control: never a path inside a workspace.
    """

    source: Path
    target: PurePosixPath
    writable: bool = False


class Command(Value):
    """A program with its arguments, run with the workspace as working directory."""

    argv: Annotated[tuple[str, ...], Field(min_length=1)]
    env: Mapping[str, str] = Field(default_factory=dict)
    mounts: tuple[Mount, ...] = ()
    limits: Limits = Limits()


class Ended(StrEnum):
    """Why a command is over."""

    EXITED = "exited"
    TIMED_OUT = "timed_out"
    OUTPUT_LIMIT = "output_limit"
    DISK_LIMIT = "disk_limit"
    KILLED = "killed"


class Finished(Value):
    """A command that is over, with nothing left running.

    ``exit_code`` is 128 plus the signal's number after a signal. ``output`` is standard
    output and error in the order written, its middle left out when it was too long.
    ``ended`` is ``killed`` when memory or processes ran beyond their limits.
    """

    exit_code: int
    output: str
    ended: Ended
    seconds: float

    @property
    def ok(self) -> bool:
        """Tell whether the command ended by itself and successfully."""
        return self.ended is Ended.EXITED and self.exit_code == 0


class Sandbox(Protocol):
    """A place where commands of a model run: no network, no secrets, nothing left behind."""

    name: str

    async def run(
        self, command: Command, workspace: Path, *, git_dir: Path | None = None
    ) -> Finished:
        """Run a command in the workspace, and return once its whole process tree is gone.

        The workspace is writable but for its ``.git``. ``git_dir`` is the worktree's own git
        directory outside the workspace; it is shown read-only. Cancelling kills the tree and
        waits for its end. Raises SandboxError when the command could not be contained.
        """
        ...

    def inside(self, path: Path, workspace: Path) -> PurePosixPath:
        """Translate a path of the workspace to the one that commands see."""
        ...


def writable(command: Command) -> tuple[Path, ...]:
    """Return the host paths, beside the workspace, that a command may fill."""
    return tuple(mount.source for mount in command.mounts if mount.writable)
