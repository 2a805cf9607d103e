"""Environments for target repositories: built once for what decides them, then only read."""

import asyncio
import contextlib
import fcntl
import hashlib
import os
import secrets
import shutil
import sys
import sysconfig
from collections.abc import AsyncIterator, Iterable
from pathlib import Path, PurePosixPath

from shared.domain import Value
from shared.errors import TargetError
from shared.sandbox.values import Sandbox
from shared.target import metadata
from shared.target.backend import ask_backend
from shared.target.bytecode import compile_all
from shared.target.installer import create_environment, fill_environment
from shared.target.requirements import Needs, is_buildable, read_needs, test_requirements
from shared.target.source import Source

# Raise it when the form of a built environment changes: older ones are then not used.
_FORMAT = 2
# Beside the requirements themselves: what the build backend may read.
_DECIDING = ("pyproject.toml", "setup.cfg", "setup.py")
_RECORD = "environment.json"
_LOOK_AGAIN_SECONDS = 0.1


class Environment(Value):
    """What was built: notes are sentences about what is not as the project states it."""

    requirements: tuple[str, ...]
    notes: tuple[str, ...] = ()


async def environment(source: Source, cache: Path, sandbox: Sandbox) -> tuple[Path, Environment]:
    """Return the folder of an environment for a project, building it when it is new.

    A folder appears under its final name only once it is whole, by a rename; builders of the
    same one take turns. Raises TargetError when a requirement cannot be installed.
    """
    await asyncio.to_thread(cache.mkdir, parents=True, exist_ok=True)
    key = await asyncio.to_thread(_key, source)
    final = cache / key
    if not final.is_dir():
        async with _turn(cache / f"{key}.lock"):
            if not final.is_dir():
                await _build_and_rename(source, final, sandbox)
    record = (final / _RECORD).read_text(encoding="utf-8")
    return final, Environment.model_validate_json(record)


async def _build_and_rename(source: Source, final: Path, sandbox: Sandbox) -> None:
    for left_over in final.parent.glob(f"{final.name}.building-*"):
        # Only the holder of the lock builds: what lies here was left by a killed process.
        await asyncio.to_thread(shutil.rmtree, left_over, ignore_errors=True)
    folder = final.parent / f"{final.name}.building-{secrets.token_hex(4)}"
    folder.mkdir()
    try:
        built = await _build(source, folder, sandbox)
        (folder / _RECORD).write_text(built.model_dump_json(), encoding="utf-8")
        await asyncio.to_thread(shutil.rmtree, folder / "build", ignore_errors=True)
        folder.rename(final)
    finally:
        await asyncio.to_thread(shutil.rmtree, folder, ignore_errors=True)


async def _build(source: Source, folder: Path, sandbox: Sandbox) -> Environment:
    needs = read_needs(source.tree, source.pyproject)
    python, work, notes = folder / "python", folder / "build", _notes(needs)
    work.mkdir()
    for kind in ("project", "generated"):
        (folder / kind).mkdir()
    await create_environment(python)
    known = await _metadata(source, needs, folder, sandbox, notes)
    project: tuple[str, ...] = needs.project
    if known:
        metadata.write(known, folder / "project")
        if not needs.is_complete:
            project = test_requirements(known.requires, known.extras)
    must = ("pytest", *source.overrides.requirements, *project, *needs.tests)
    wanted = (*must, *needs.development)
    try:
        await _install(wanted, needs, python, work)
    except TargetError:
        if wanted == must:
            raise
        await _install(must, needs, python, work)
        notes.append("Its development requirements could not be installed and are left out.")
        wanted = must
    await compile_all(folder, sandbox)
    return Environment(requirements=wanted, notes=tuple(notes))


async def _install(lines: Iterable[str], needs: Needs, python: Path, work: Path) -> None:
    await fill_environment(tuple(lines), python, folder=work, constraints=needs.constraints)


async def _metadata(
    source: Source, needs: Needs, folder: Path, sandbox: Sandbox, notes: list[str]
) -> metadata.Metadata | None:
    """Learn what the project is called and needs, from its build backend where it has to be."""
    project = source.pyproject.project
    if project and needs.is_complete and project.version:
        return metadata.stated(project)
    if not is_buildable(source.tree, source.pyproject):
        return None
    try:
        return await ask_backend(source, needs, folder, sandbox)
    except TargetError as error:
        notes.append(f"Its build backend could not be asked about it. {error}")
        return metadata.stated(project) if project else None


def _notes(needs: Needs) -> list[str]:
    if not needs.left_out:
        return []
    return [f"These requirements are not on a package index: {', '.join(needs.left_out)}."]


def _key(source: Source) -> str:
    needs = read_needs(source.tree, source.pyproject).model_dump_json()
    python = (sys.version, sys.base_prefix, sysconfig.get_platform())
    digest = hashlib.sha256(repr((_FORMAT, python, source.overrides.requirements, needs)).encode())
    for path in (*_DECIDING, *_own_backend(source)):
        digest.update(f"\0{path}\0{source.tree.read(path)}".encode())
    return digest.hexdigest()[:32]


def _own_backend(source: Source) -> Iterable[str]:
    """Name the modules of a build backend that is a part of the repository."""
    build = source.pyproject.build
    folders = {str(PurePosixPath(folder)) for folder in build.backend_path} if build else set()
    for path in map(PurePosixPath, source.tree.files):
        if path.suffix == ".py" and str(path.parent) in folders:
            yield str(path)


@contextlib.asynccontextmanager
async def _turn(path: Path) -> AsyncIterator[None]:
    """Hold a lock file; the system frees it when its holder dies, however that happens."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        while True:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                await asyncio.sleep(_LOOK_AGAIN_SECONDS)
        yield
    finally:
        os.close(descriptor)
