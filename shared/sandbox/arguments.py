"""The arguments of bubblewrap: what a command sees, and everything that it is refused."""

import itertools
import platform
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from shared.errors import SandboxError
from shared.sandbox.values import Command, Limits, Mount

WORKSPACE = PurePosixPath("/workspace")
REPOSITORY = PurePosixPath("/repository.git")
HOME = PurePosixPath("/home/baton")

ENVIRONMENT = {
    "PATH": "/usr/local/bin:/usr/bin:/bin:/usr/local/sbin:/usr/sbin:/sbin",
    "HOME": str(HOME),
    "TMPDIR": "/tmp",  # noqa: S108 - the sandbox's own, empty at the start
    "LANG": "C.UTF-8",
    "USER": "baton",
}

# Written into the sandbox, so that no name of the host's people gets in.
FILES = {
    "/etc/passwd": f"root:x:0:0::/nonexistent:/bin/false\nbaton:x:1000:1000::{HOME}:/bin/sh\n",
    "/etc/group": "root:x:0:\nbaton:x:1000:\n",
    "/etc/hosts": "127.0.0.1 localhost\n::1 localhost\n",
    "/etc/nsswitch.conf": "passwd: files\ngroup: files\nhosts: files\n",
}

_ID = "1000"
_ROOT_DIRECTORIES = ("bin", "sbin", "lib", "lib32", "lib64", "libx32")
_ETC = (
    "alternatives",
    "ld.so.cache",
    "ld.so.conf",
    "ld.so.conf.d",
    "localtime",
    "mime.types",
    "pki/ca-trust/extracted",
    "pki/tls/certs",
    "protocols",
    "services",
    "ssl/certs",
    "ssl/openssl.cnf",
    "timezone",
)
# Readable by the host's root, as which the sandbox runs in CI containers.
_MASKED = ("kcore", "keys", "kallsyms", "timer_list", "slabinfo", "vmallocinfo")
_MIB = 1024**2
_TMPFS = (
    ("/tmp", "1777", 512 * _MIB),  # noqa: S108  a path inside the sandbox
    ("/home/baton", "0700", 256 * _MIB),
    ("/dev/shm", "1777", 128 * _MIB),  # noqa: S108  a path inside the sandbox
)
# Reserving addresses is not using memory, and some runtimes reserve a lot; what counts is
# RLIMIT_DATA for each process and the watch over the tree.
_ADDRESS_SPACE_FACTOR = 16


# Bytes stand for the number of a descriptor from which those bytes can be read.
Argument = str | bytes


def arguments(command: Command, workspace: Path, git_dir: Path | None) -> list[Argument]:
    """List bubblewrap's options for a command.

    Raises SandboxError when the workspace or a mount is not fit to be shown.
    """
    workspace = workspace.resolve()
    return [
        *_isolation(),
        *_environment(command),
        *_system(),
        *_kernel(),
        *_mounts(command.mounts),
        *_workspace(workspace, git_dir and git_dir.resolve()),
        *("--remount-ro", "/"),
    ]


def limited(command: Command) -> list[str]:
    """Return the command's argv, started under its resource limits."""
    return [*prlimit(command.limits), "--", *command.argv]


def prlimit(limits: Limits) -> list[str]:
    """Return the argv that sets the limits which the kernel holds for each process."""
    return [
        "/usr/bin/prlimit",
        # At the first a signal that says why, a second later the end.
        f"--cpu={limits.cpu_seconds}:{limits.cpu_seconds + 1}",
        *([f"--nproc={limits.processes}"] if _counts_processes_inside() else []),
        f"--data={limits.memory_bytes}",
        f"--as={limits.memory_bytes * _ADDRESS_SPACE_FACTOR}",
        f"--fsize={limits.file_bytes}",
        f"--nofile={limits.files}",
        "--core=0",
    ]


def _counts_processes_inside() -> bool:
    """Tell whether the kernel counts a user's processes for each user namespace (Linux 5.14).

    Before, it counts all that the user has, and the watch over the tree has to do.
    """
    major, minor, *_ = platform.release().split(".")
    return (int(major), int("".join(itertools.takewhile(str.isdigit, minor)))) >= (5, 14)


def _isolation() -> Iterator[str]:
    yield from ("--unshare-user", "--unshare-all", "--disable-userns")
    yield from ("--uid", _ID, "--gid", _ID, "--cap-drop", "ALL", "--hostname", "baton")
    yield from ("--die-with-parent", "--new-session", "--clearenv")


def _environment(command: Command) -> Iterator[str]:
    for name, value in {**ENVIRONMENT, **command.env}.items():
        yield from ("--setenv", name, value)


def _system() -> Iterator[Argument]:
    """Show the system's programs and the few settings they need, all read-only."""
    yield from ("--ro-bind", "/usr", "/usr")
    for name in _ROOT_DIRECTORIES:
        path = Path("/", name)
        if path.is_symlink():
            yield from ("--symlink", str(path.readlink()), str(path))
        elif path.is_dir():
            yield from ("--ro-bind", str(path), str(path))
    for name in _ETC:
        yield from ("--ro-bind-try", f"/etc/{name}", f"/etc/{name}")
    for target, text in FILES.items():
        yield from ("--perms", "0444", "--file", text.encode(), target)


def _kernel() -> Iterator[str]:
    yield from ("--proc", "/proc", "--ro-bind", "/proc/sys", "/proc/sys")
    yield from ("--dev", "/dev")
    for name in _MASKED:
        if Path("/proc", name).exists():
            yield from ("--ro-bind", "/dev/null", f"/proc/{name}")
    for target, mode, size in _TMPFS:
        yield from ("--perms", mode, "--size", str(size), "--tmpfs", target)
    yield from ("--remount-ro", "/dev")


def _mounts(mounts: tuple[Mount, ...]) -> Iterator[str]:
    for mount in mounts:
        target = mount.target
        if not target.is_absolute() or ".." in target.parts or len(target.parts) == 1:
            raise SandboxError(f"Cannot mount on {target}: give an absolute path below /.")
        if _overlaps(
            target, (WORKSPACE, REPOSITORY, PurePosixPath("/proc"), PurePosixPath("/dev"))
        ):
            raise SandboxError(f"Cannot mount on {target}: the sandbox uses that place itself.")
        if not mount.source.exists():
            raise SandboxError(f"Cannot mount {mount.source}: there is no such path.")
        yield from ("--bind" if mount.writable else "--ro-bind", str(mount.source), str(target))


def _overlaps(target: PurePosixPath, taken: tuple[PurePosixPath, ...]) -> bool:
    return any(target.is_relative_to(place) for place in taken)


def _workspace(workspace: Path, git_dir: Path | None) -> Iterator[Argument]:
    if not workspace.is_dir():
        raise SandboxError(f"The workspace {workspace} is not a directory.")
    yield from ("--bind", str(workspace), str(WORKSPACE))
    dot_git = workspace / ".git"
    # A link would be followed on the host, and could show any of its directories.
    if dot_git.is_symlink():
        raise SandboxError(f"{dot_git} is a symbolic link: remove it before running commands.")
    if git_dir is not None:
        yield from _repository(git_dir)
    if git_dir is not None and dot_git.is_file():
        pointer = f"gitdir: {_inside_repository(git_dir)}\n"
        yield from ("--ro-bind-data", pointer.encode(), str(WORKSPACE / ".git"))
    elif dot_git.exists():
        yield from ("--ro-bind", str(dot_git), str(WORKSPACE / ".git"))
    yield from ("--chdir", str(WORKSPACE))


def _repository(git_dir: Path) -> Iterator[str]:
    """Show the repository of a linked worktree, without what belongs to other worktrees."""
    pointer = git_dir / "commondir"
    if not pointer.is_file():
        yield from ("--ro-bind", str(git_dir), str(REPOSITORY))
        return
    common = (git_dir / pointer.read_text().strip()).resolve()
    yield from ("--ro-bind", str(common), str(REPOSITORY))
    yield from ("--tmpfs", str(REPOSITORY / "worktrees"))
    yield from ("--ro-bind", str(git_dir), str(_inside_repository(git_dir)))
    yield from ("--remount-ro", str(REPOSITORY / "worktrees"))


def _inside_repository(git_dir: Path) -> PurePosixPath:
    if (git_dir / "commondir").is_file():
        return REPOSITORY / "worktrees" / git_dir.name
    return REPOSITORY
