"""Ask a project's own build backend about it, inside the sandbox and without network."""

import asyncio
import json
import os
import shutil
import stat
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from shared.errors import TargetError
from shared.sandbox.values import Command, Limits, Mount, Sandbox
from shared.target.config import BuildSystem
from shared.target.generated import keep
from shared.target.inside import base_environment, interpreter_mounts, place
from shared.target.installer import install, interpreter_prefix
from shared.target.layout import source_roots
from shared.target.metadata import Metadata, parsed
from shared.target.requirements import Needs
from shared.target.source import Source

_SCRIPT = Path(__file__).with_name("inside_build.py")
_SECONDS = 300.0
_LARGEST = 4 * 1024 * 1024
_LEGACY = "setuptools.build_meta:__legacy__"
_TAIL = 1500
# The copy has no git history that these backends could read a version from.
_WITHOUT_HISTORY = {"SETUPTOOLS_SCM_PRETEND_VERSION": "0.0.0", "PBR_VERSION": "0.0.0"}
_REQUIRES = TypeAdapter(tuple[str, ...])


async def ask_backend(source: Source, needs: Needs, folder: Path, sandbox: Sandbox) -> Metadata:
    """Return the metadata that the build backend makes of a copy of the checkout.

    ``folder`` is that of the environment, whose ``python`` is used and whose ``build`` is
    worked in; generated files are kept in ``generated``. Raises TargetError when the backend
    cannot be installed or fails.
    """
    work = folder / "build"
    copy, out = work / "source", work / "source" / ".baton-build"
    await asyncio.to_thread(_copy, source.checkout, copy)
    into = ("--python", str(folder / "python"), "--target", str(work / "backend"))
    installed = needs.build
    for _ in range(2):
        await install(installed, into=into, folder=work)
        shutil.rmtree(out, ignore_errors=True)
        out.mkdir()
        await _build(source.pyproject.build or BuildSystem(), installed, work, sandbox)
        wanted = _read_requires(out)
        if set(wanted) <= set(installed):
            roots = source_roots(source.tree, source.pyproject)
            if not (out / "files").is_symlink():
                await asyncio.to_thread(
                    keep, out / "files", copy, source.tree, roots, folder / "generated"
                )
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
        env={**base_environment(), **_WITHOUT_HISTORY, "PYTHONPATH": str(wheels)},
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
