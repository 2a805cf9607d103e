"""What the commands of a target see inside the sandbox: paths, mounts and variables."""

import asyncio
import sys
from collections.abc import Mapping
from pathlib import Path, PurePosixPath

from shared.sandbox.values import Mount
from shared.target.generated import lay
from shared.target.values import Target

_ROOT = PurePosixPath("/baton")
_SYSTEM_PATH = "/usr/local/bin:/usr/bin:/bin"


def place(source: Path, name: str) -> PurePosixPath:
    """Return where a host path is seen inside.

    On Linux that is a fixed place, so that no path of the host gets into logs; Seatbelt on
    macOS cannot move paths.
    """
    return _ROOT / name if sys.platform == "linux" else PurePosixPath(source)


def base_environment() -> dict[str, str]:
    """Return the variables that make Python's runs alike on every machine."""
    return {
        "PATH": _SYSTEM_PATH,
        "LANG": "C.UTF-8",
        "LC_ALL": "C.UTF-8",
        "TZ": "UTC",
        "PYTHONDONTWRITEBYTECODE": "1",
        "PYTHONHASHSEED": "0",
        "PYTHONNOUSERSITE": "1",
        "PYTHONUNBUFFERED": "1",
    }


def interpreter_mounts(prefix: Path) -> tuple[Mount, ...]:
    """Show the interpreter under an environment, where the system's folders do not hold it."""
    if prefix.is_relative_to("/usr") and sys.platform == "linux":
        return ()
    return (Mount(source=prefix, target=PurePosixPath(prefix)),)


def mounts(target: Target) -> tuple[Mount, ...]:
    """Return what commands of the target need to see beside the workspace, read-only."""
    if target.toolchain is not None:
        return (Mount(source=target.toolchain, target=place(target.toolchain, "toolchain")),)
    if target.environment is None or target.interpreter is None:
        return ()
    environment = Mount(source=target.environment, target=place(target.environment, "environment"))
    return (environment, *interpreter_mounts(target.interpreter))


def variables(target: Target, workspace: PurePosixPath) -> Mapping[str, str]:
    """Return the variables for commands of the target; ``workspace`` is its path inside."""
    base = base_environment()
    if target.toolchain is not None:
        programs = place(target.toolchain, "toolchain") / "bin"
        return {**base, "PATH": f"{programs}:{base['PATH']}"}
    if target.environment is None:
        return base
    environment = place(target.environment, "environment")
    roots = [str(workspace / root) for root in target.detection.source_roots]
    return {
        **base,
        "PATH": f"{environment}/python/bin:{base['PATH']}",
        "VIRTUAL_ENV": f"{environment}/python",
        "PYTHONPATH": ":".join((*roots, f"{environment}/project")),
    }


async def lay_generated(target: Target, checkout: Path) -> None:
    """Put the files that only a build makes into a checkout that lacks them."""
    if target.environment is not None:
        await asyncio.to_thread(lay, target.environment / "generated", checkout)


def python(target: Target) -> str:
    """Return the path inside of the Python that runs the target's tests."""
    if target.environment is None:
        return "python3"
    return str(place(target.environment, "environment") / "python" / "bin" / "python")
