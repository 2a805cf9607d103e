"""Read which third-party packages a Python project needs, without running any of it."""

import re
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from pathlib import PurePosixPath
from posixpath import normpath

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name
from pydantic import Field

from shared.domain import Value
from shared.errors import TargetError
from shared.target.config import Include, Pyproject, read_ini, strings
from shared.target.tree import Tree

_TEST_NAMES = ("test", "tests", "testing", "unittest")
_DEVELOPMENT_NAMES = ("dev", "develop", "development")
_TEST_FILE = re.compile(
    r"^(?:[\w.-]+/)?(?:requirements[-_.])?(?:tests?|testing)(?:[-_.]requirements)?\.(?:txt|in)$"
    r"|^(?:tests?|testing)/requirements\.(?:txt|in)$"
)
_OTHER_FILE = re.compile(
    r"^(?:requirements/)?(?:requirements|(?:requirements[-_.])?dev(?:[-_.]requirements)?)\.txt$"
)
_DYNAMIC = frozenset({"dependencies", "optional-dependencies"})
_WHEEL_URL = re.compile(r"^https://[^@\s]+\.whl(?:#.*)?$")
_COMMENT = re.compile(r"(?:^|\s+)#.*$")


class Needs(Value):
    """The requirement lines of a project, by how much they matter.

    ``project`` and ``tests`` must be met, ``development`` may be left out. ``build`` are
    those of its build backend. ``constraints`` are the versions of its lock file.
    ``is_complete`` is false where only the build backend knows what the project needs.
    ``left_out`` are requirements that no package index can meet.
    """

    project: tuple[str, ...] = ()
    tests: tuple[str, ...] = ()
    development: tuple[str, ...] = ()
    build: tuple[str, ...] = ()
    constraints: tuple[str, ...] = ()
    is_complete: bool = True
    left_out: tuple[str, ...] = Field(default=())


def read_needs(tree: Tree, pyproject: Pyproject) -> Needs:
    """Collect the requirements that the files of a project state."""
    project = pyproject.project
    extras = project.extras if project else {}
    name = project.name if project else ""
    wanted = {
        "project": project.dependencies if project else (),
        "tests": (*_named(extras, pyproject, _TEST_NAMES), *_from_files(tree, _TEST_FILE)),
        "development": (
            *_named(extras, pyproject, _DEVELOPMENT_NAMES),
            *_from_files(tree, _OTHER_FILE),
            *_from_tox(tree),
        ),
    }
    left_out: list[str] = []
    sorted_out = {
        kind: tuple(dict.fromkeys(_installable(lines, name, extras, left_out)))
        for kind, lines in wanted.items()
    }
    return Needs(
        **sorted_out,
        build=_build(tree, pyproject),
        constraints=_locked(tree, name),
        is_complete=bool(project and not _DYNAMIC.intersection(project.dynamic))
        or not is_buildable(tree, pyproject),
        left_out=tuple(left_out),
    )


def is_buildable(tree: Tree, pyproject: Pyproject) -> bool:
    """Tell whether a build backend knows more about the project."""
    return bool(pyproject.build or pyproject.project or "setup.py" in tree or _has_setup_cfg(tree))


def test_requirements(metadata: Iterable[str], extras: Iterable[str]) -> tuple[str, ...]:
    """Choose the requirements of built metadata that hold for the project or its tests."""
    chosen = [extra for extra in extras if _canonical(extra) in (*_TEST_NAMES, *_DEVELOPMENT_NAMES)]
    return tuple(line for line in metadata if _holds(line, chosen))


def _holds(line: str, extras: list[str]) -> bool:
    try:
        marker = Requirement(line).marker
    except InvalidRequirement as error:
        raise TargetError(
            f"The build backend asks for {line!r}, which is no requirement."
        ) from error
    return marker is None or any(marker.evaluate({"extra": extra}) for extra in ("", *extras))


def _has_setup_cfg(tree: Tree) -> bool:
    return read_ini(tree, "setup.cfg").has_section("metadata")


def _canonical(name: str) -> str:
    return str(canonicalize_name(name))


def _named(
    extras: Mapping[str, tuple[str, ...]], pyproject: Pyproject, names: tuple[str, ...]
) -> Iterator[str]:
    for extra, lines in extras.items():
        if _canonical(extra) in names:
            yield from lines
    for group in pyproject.groups:
        if _canonical(group) in names:
            yield from _group(pyproject, group, frozenset())


def _group(pyproject: Pyproject, name: str, seen: frozenset[str]) -> Iterator[str]:
    """Follow ``include-group``; a circle ends where it closes."""
    for group, items in pyproject.groups.items():
        if _canonical(group) != _canonical(name) or _canonical(name) in seen:
            continue
        for item in items:
            if isinstance(item, Include):
                yield from _group(pyproject, item.group, seen | {_canonical(name)})
            else:
                yield item


def _from_files(tree: Tree, pattern: re.Pattern[str]) -> Iterator[str]:
    for path in tree.files:
        if pattern.match(path):
            yield from _file(tree, path, frozenset())


def _file(tree: Tree, path: str, seen: frozenset[str]) -> Iterator[str]:
    """Read a requirements file; options are passed over, but ``-r`` stays in the repository."""
    for raw in tree.read(path).replace("\\\n", " ").splitlines():
        line = _COMMENT.sub("", raw).strip()
        include = re.match(r"(?:-r|--requirement)[ =]*(\S+)", line)
        if include:
            other = normpath(str(PurePosixPath(path).parent / include[1]))
            if other not in seen:
                yield from _file(tree, other, seen | {path})
        elif line and not line.startswith("-"):
            yield re.split(r"\s+--hash", line)[0]


def _from_tox(tree: Tree) -> Iterator[str]:
    for line in strings(read_ini(tree, "tox.ini").get("testenv", "deps", fallback="")):
        # Lines with factors or substitutions hold for some environments of tox only.
        if not re.search(r"[{}]|^-|^[\w,!-]+:", line):
            yield line


def _installable(
    lines: Iterable[str], name: str, extras: Mapping[str, tuple[str, ...]], left_out: list[str]
) -> Iterator[str]:
    """Keep what an index can meet; the project's own name stands for its extras."""
    for line in lines:
        try:
            requirement = Requirement(line)
        except InvalidRequirement:
            left_out.append(line)
            continue
        if name and _canonical(requirement.name) == _canonical(name):
            # One level at a time: an extra that names itself would go on for ever.
            rest = {extra: own for extra, own in extras.items() if extra not in requirement.extras}
            for extra in sorted(requirement.extras):
                yield from _installable(extras.get(extra, ()), name, rest, left_out)
        elif requirement.url and not _WHEEL_URL.match(requirement.url):
            left_out.append(requirement.name)
        else:
            yield line


def _build(tree: Tree, pyproject: Pyproject) -> tuple[str, ...]:
    if pyproject.build:
        return pyproject.build.requires
    return ("setuptools", "wheel") if is_buildable(tree, pyproject) else ()


def _locked(tree: Tree, name: str) -> tuple[str, ...]:
    """Read the versions of ``uv.lock`` that are the same on every platform."""
    try:
        packages = tomllib.loads(tree.read("uv.lock")).get("package", [])
    except tomllib.TOMLDecodeError:
        return ()
    versions: dict[str, set[str]] = {}
    for package in packages if isinstance(packages, list) else []:
        if isinstance(package, dict) and isinstance(package.get("version"), str):
            versions.setdefault(str(package.get("name")), set()).add(package["version"])
    single = {package: found for package, found in versions.items() if len(found) == 1}
    pins = (
        f"{package}=={found.pop()}" for package, found in sorted(single.items()) if package != name
    )
    return tuple(pin for pin in pins if _is_requirement(pin))


def _is_requirement(line: str) -> bool:
    try:
        Requirement(line)
    except InvalidRequirement:
        return False
    return True
