"""Ask a project's own build backend about it, inside the sandbox and without network."""

import asyncio
import json
import os
import shutil
import stat
from collections.abc import Sequence
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from shared.errors import TargetError
from shared.sandbox.values import Command, Limits, Mount, Sandbox
from shared.target.config import BuildSystem, Pyproject
from shared.target.inside import base_environment, interpreter_mounts, place
from shared.target.installer import install, interpreter_prefix
from shared.target.metadata import Metadata, parsed

_SCRIPT = Path(__file__).with_name("inside_build.py")
_SECONDS = 300.0
_LARGEST = 4 * 1024 * 1024
_LEGACY = "setuptools.build_meta:__legacy__"
_TAIL = 1500
_REQUIRES = TypeAdapter(tuple[str, ...])


async def ask_backend(
    checkout: Path, pyproject: Pyproject, needs: Sequence[str], python: Path, sandbox: Sandbox
) -> Metadata:
    """Return the metadata that the build backend makes of a copy of the checkout.

    ``python`` is the environment's folder; the work is done beside it. Raises TargetError
    when the backend cannot be installed or fails.
    """
    build = pyproject.build or BuildSystem()
    work = python.with_name("build")
    source, wheels = work / "source", work / "backend"
    out = source / ".baton-build"
    await asyncio.to_thread(_copy, checkout, source)
    installed = tuple(needs)
    for _ in range(2):
        await install(
            installed, into=("--python", str(python), "--target", str(wheels)), folder=work
        )
        shutil.rmtree(out, ignore_errors=True)
        out.mkdir()
        await _build(build, installed, work, sandbox)
        wanted = _read_requires(out)
        if set(wanted) <= set(installed):
            return _read(out / "dist-info")
        installed = (*installed, *wanted)
    raise TargetError("The build backend asks for other packages each time: see its configuration.")


async def _build(
    build: BuildSystem, installed: tuple[str, ...], work: Path, sandbox: Sandbox
) -> None:
    source = work / "source"
    script, wheels = place(_SCRIPT, "inside_build.py"), place(work / "backend", "backend")
    environment = place(work.parent / "python", "python")
    wanted = {
        "backend": build.backend or _LEGACY,
        "path": build.backend_path,
        "installed": installed,
        "out": str(sandbox.inside(source / ".baton-build", source)),
    }
    command = Command(
        argv=(str(environment / "bin" / "python"), str(script), json.dumps(wanted)),
        env={**base_environment(), "PYTHONPATH": str(wheels)},
        mounts=(
            Mount(source=_SCRIPT, target=script),
            Mount(source=work / "backend", target=wheels),
            Mount(source=work.parent / "python", target=environment),
            *interpreter_mounts(interpreter_prefix()),
        ),
        limits=Limits(seconds=_SECONDS),
    )
    finished = await sandbox.run(command, source)
    if not finished.ok:
        raise TargetError(f"The project's build backend failed: {finished.output[-_TAIL:].strip()}")


def _copy(checkout: Path, source: Path) -> None:
    shutil.copytree(checkout, source, symlinks=True, ignore=shutil.ignore_patterns(".git"))
    source.with_name("backend").mkdir()


def _read_requires(out: Path) -> tuple[str, ...]:
    try:
        return _REQUIRES.validate_json(_text(out / "requires.json"))
    except ValidationError as error:
        raise TargetError("The project's build backend left no list of requirements.") from error


def _read(info: Path) -> Metadata:
    metadata = parsed(_text(info / "METADATA"), _text(info / "entry_points.txt"))
    if not metadata.name:
        raise TargetError("The project's build backend made metadata without a name.")
    return metadata


def _text(path: Path) -> str:
    """Read a file which sandboxed code wrote; a link could lead anywhere, so none is followed."""
    folders = (path.parent, path.parent.parent)
    if any(folder.is_symlink() for folder in folders) or not os.path.lexists(path):
        return ""
    status = path.lstat()
    if not stat.S_ISREG(status.st_mode) or status.st_size > _LARGEST:
        return ""
    return path.read_text(encoding="utf-8", errors="replace")
