"""Set a checkout up for its tests: detect the runner, get the environment."""

import asyncio
import sys
from collections.abc import Sequence
from pathlib import Path

from packaging.specifiers import InvalidSpecifier, SpecifierSet

from shared.errors import TargetError
from shared.sandbox.values import Sandbox
from shared.target.config import Pyproject, read_pyproject
from shared.target.detect import detect
from shared.target.environment import environment
from shared.target.installer import interpreter_prefix
from shared.target.overrides import read_overrides, with_packages
from shared.target.source import Source
from shared.target.toolchains import toolchain_of
from shared.target.tree import Tree
from shared.target.values import Overrides, Target


async def prepare(
    checkout: Path,
    cache: Path,
    sandbox: Sandbox,
    *,
    overrides: Overrides | None = None,
    packages: Sequence[str] = (),
) -> Target:
    """Find out how a repository is tested, and make the environment its tests run in.

    Without ``overrides`` those of the checkout's ``.github/baton.yml`` hold. ``packages`` are
    installed besides, those of them that an index of Python packages has. The cache folder may
    be shared by any number of runs and processes. Raises TargetError.
    """
    tree = await asyncio.to_thread(Tree.at, checkout)
    overrides = with_packages(overrides or read_overrides(tree), packages)
    detection = detect(tree, overrides)
    lines = {"setup": overrides.setup, "lint": overrides.lint}
    if not detection.is_python:
        return Target(
            detection=detection,
            detected=_sentence(detection.said, ()),
            toolchain=await asyncio.to_thread(toolchain_of, detection.command[-1]),
            **lines,
        )
    pyproject = read_pyproject(tree)
    _check_python(pyproject)
    source = Source(checkout=checkout, tree=tree, pyproject=pyproject, overrides=overrides)
    folder, built = await environment(source, cache, sandbox)
    return Target(
        detection=detection,
        detected=_sentence(detection.said, built.notes),
        environment=folder.resolve(),
        interpreter=interpreter_prefix(),
        **lines,
    )


def _sentence(said: str, notes: tuple[str, ...]) -> str:
    return " ".join((f"{said[:1].upper()}{said[1:]}.", *notes))


def _check_python(pyproject: Pyproject) -> None:
    wanted = pyproject.project.requires_python if pyproject.project else ""
    running = ".".join(map(str, sys.version_info[:3]))
    try:
        fits = SpecifierSet(wanted).contains(running, prereleases=True)
    except InvalidSpecifier as error:
        raise TargetError(f"pyproject.toml: requires-python is not valid: {wanted}.") from error
    if not fits:
        raise TargetError(
            f"The project asks for Python {wanted}, Baton runs on {running}: "
            "start Baton with a Python that fits."
        )
