"""Which packages a change brings in: read from manifests, compared by name before and after.

Only direct dependencies count; lock files follow from them. A manifest that cannot be read
brings in something unknown, which is told apart from nothing.
"""

import json
import re
import tomllib
from collections.abc import Callable, Iterator, Mapping
from configparser import ConfigParser
from configparser import Error as IniError
from pathlib import PurePosixPath
from typing import NamedTuple

from packaging.requirements import InvalidRequirement, Requirement

UNREADABLE = "(cannot be read)"
"""Stands for the dependencies of a manifest that does not parse."""

_REQUIREMENT = re.compile(r"\s*([A-Za-z0-9][A-Za-z0-9._-]*)")
_REQUIREMENTS = re.compile(
    r"(?:requirements|constraints)[\w.-]*\.(?:txt|in)|[\w.-]*requirements\.txt"
)
_GO_BLOCK = re.compile(r"^\s*require\s*\(([^)]*)\)", re.MULTILINE)
_GO_LINE = re.compile(r"^\s*require\s+(\S+)\s+v", re.MULTILINE)
_GO_REPLACE = re.compile(r"=>\s*(\S+)")
_GEM = re.compile(r"^\s*gem\s+[\"']([\w.-]+)[\"']", re.MULTILINE)
_CALLED_IN_SETUP = re.compile(r"(?:install|setup|tests|extras)_requires?\b")
_STRING = re.compile(r"[\"']([A-Za-z0-9][A-Za-z0-9._-]*)\s*(?:[<>=!~\[;@][^\"'\n]*)?[\"']")
_NODE = ("dependencies", "devDependencies", "peerDependencies", "optionalDependencies")
_CARGO = ("dependencies", "dev-dependencies", "build-dependencies")


class Wanted(NamedTuple):
    """A dependency: what tells it from others, and the versions that are asked for."""

    name: str
    versions: str = ""


Reader = Callable[[str], Iterator[Wanted]]


def is_manifest(path: str) -> bool:
    """Tell whether a file names dependencies that are read here."""
    return _reader(path) is not None


def is_for_python(path: str) -> bool:
    """Tell whether a manifest states Python packages as requirement lines, and nothing else."""
    return _reader(path) in {_requirements, _pyproject, _setup_cfg}


def added(path: str, before: str | None, after: str | None) -> tuple[str, ...]:
    """Return the dependencies that a manifest names after a change and not before.

    Each with its versions; a Python package as its requirement line.
    """
    reader = _reader(path)
    if reader is None or after is None:
        return ()
    now = _names(reader, after)
    if now is None:
        return (UNREADABLE,)
    known = (_names(reader, before) if before is not None else None) or {}
    return tuple(sorted(f"{name}{now[name]}" for name in now.keys() - known.keys()))


def is_extensible(path: str) -> bool:
    """Tell whether of a manifest can be told that a change only adds to it."""
    return _reader(path) in {_requirements, _pyproject}


def only_adds(path: str, before: str | None, after: str | None) -> bool:
    """Tell whether an extensible manifest asks for more packages than before, and that is all."""
    if before is None or after is None:
        return False
    if _reader(path) is _requirements:
        return _adds_lines(before.splitlines(), after.splitlines())
    try:
        (then, asked_then), (now, asked_now) = _parted(before), _parted(after)
        kept = all(
            one in asked_now.get(name, ()) for name, each in asked_then.items() for one in each
        )
    except (ValueError, TypeError, AttributeError, RecursionError):
        return False
    return kept and then == now


def _adds_lines(before: list[str], after: list[str]) -> bool:
    """Tell whether lines have come to a requirements file, none of them an option."""
    left = iter(after)
    kept = all(line in left for line in before if line.strip())
    options = [[line for line in lines if line.startswith("-")] for lines in (before, after)]
    return kept and options[0] == options[1]


def _parted(text: str) -> tuple[Mapping[str, object], Mapping[str, list[object]]]:
    """Part what a pyproject.toml says into all else, and its lists of packages by name."""
    data = tomllib.loads(text)
    project = data.get("project", {})
    extras, groups = project.pop("optional-dependencies", {}), data.pop("dependency-groups", {})
    lists = {"": project.pop("dependencies", [])}
    lists |= {f"extra {name}": each for name, each in extras.items()}
    return data, lists | {f"group {name}": each for name, each in groups.items()}


def _names(reader: Reader, text: str) -> Mapping[str, str] | None:
    try:
        return {wanted.name: wanted.versions for wanted in reader(text) if wanted.name}
    except (ValueError, TypeError, AttributeError, RecursionError, IniError):
        return None


def _reader(path: str) -> Reader | None:
    pure = PurePosixPath(path)
    name = pure.name.casefold()
    if _REQUIREMENTS.fullmatch(name) or (
        pure.suffix in {".txt", ".in"} and "requirements" in pure.parts[:-1]
    ):
        return _requirements
    return _READERS.get(name)


def _canonical(requirement: str) -> Wanted:
    """Return a Python requirement under its name as PyPI compares it, with any address."""
    found = _REQUIREMENT.match(requirement)
    if found is None:
        return Wanted(requirement.strip())
    name = re.sub(r"[-_.]+", "-", found[1]).lower()
    address = requirement.partition("@")[2].strip() if "@" in requirement else ""
    if address:
        return Wanted(f"{name} @ {address}")
    try:
        line = str(Requirement(requirement))
    except InvalidRequirement:
        return Wanted(name)
    return Wanted(name, line[len(found[1]) :])


def _requirements(text: str) -> Iterator[Wanted]:
    for line in re.sub(r"\\\n", " ", text).splitlines():
        bare = re.sub(r"(?:^|\s)#.*", "", line).strip()
        if bare.startswith(("-r", "-c", "--hash")) or not bare:
            continue
        # -e and the address of an index bring in code as well as a name does.
        bare = re.split(r"\s+--hash", bare)[0]
        yield Wanted(bare) if bare.startswith("-") or "://" in bare else _canonical(bare)


def _pyproject(text: str) -> Iterator[Wanted]:
    data = tomllib.loads(text)
    project, tool = data.get("project", {}), data.get("tool", {})
    lists = [
        *(project.get("dependencies", []), data.get("build-system", {}).get("requires", [])),
        *project.get("optional-dependencies", {}).values(),
        *data.get("dependency-groups", {}).values(),
        *(tool.get("uv", {}).get("dev-dependencies", []),),
        *tool.get("pdm", {}).get("dev-dependencies", {}).values(),
    ]
    for requirement in (one for each in lists for one in each):
        if isinstance(requirement, str):
            yield _canonical(requirement)
    yield from _poetry(tool.get("poetry", {}))
    for name, source in tool.get("uv", {}).get("sources", {}).items():
        yield _from(_canonical(name).name, source)
    for index in tool.get("uv", {}).get("index", []):
        yield Wanted(f"index {index.get('url', '')}")


def _from(name: str, source: object) -> Wanted:
    """Return a dependency that does not come from the usual index."""
    return Wanted(f"{name} from {json.dumps(source, sort_keys=True)}")


def _poetry(poetry: Mapping[str, Mapping[str, object]]) -> Iterator[Wanted]:
    groups = poetry.get("group", {}).values()
    tables = [poetry.get("dependencies", {}), poetry.get("dev-dependencies", {})]
    tables += [group.get("dependencies", {}) for group in groups if isinstance(group, dict)]
    for table in tables:
        for name, wanted in table.items():
            if name == "python":
                continue
            away = isinstance(wanted, dict) and not {"git", "url", "path"}.isdisjoint(wanted)
            shown = _canonical(name).name
            yield _from(shown, wanted) if away else Wanted(shown, _versions(wanted))


def _versions(wanted: object) -> str:
    """Return the versions that a table gives for a name, where it gives them as text."""
    if isinstance(wanted, Mapping):
        wanted = wanted.get("version", "")
    return f" {' '.join(wanted.split())}" if isinstance(wanted, str) and wanted.strip() else ""


def _setup_cfg(text: str) -> Iterator[Wanted]:
    parser = ConfigParser(interpolation=None, strict=False)
    parser.read_string(text)
    lists = [
        parser.get("options", key, fallback="")
        for key in ("install_requires", "setup_requires", "tests_require")
    ]
    if parser.has_section("options.extras_require"):
        lists += [value for _, value in parser.items("options.extras_require")]
    for each in lists:
        yield from (_canonical(line) for line in re.split(r"[\n;]", each) if line.strip())


def _setup_py(text: str) -> Iterator[Wanted]:
    """Return every string that could name a requirement, once any are asked for: it is code."""
    if _CALLED_IN_SETUP.search(text):
        yield from (_canonical(match[1]) for match in _STRING.finditer(text))


def _package_json(text: str) -> Iterator[Wanted]:
    data = json.loads(text)
    for key in _NODE:
        for name, wanted in data.get(key, {}).items():
            plain = isinstance(wanted, str) and not re.search(r"[:/]", wanted)
            yield Wanted(name, _versions(wanted)) if plain else Wanted(f"{name} from {wanted}")
    for name in ("preinstall", "install", "postinstall", "prepare", "prepublish"):
        if name in data.get("scripts", {}):
            yield Wanted(f"script {name}: {data['scripts'][name]}")


def _cargo(text: str) -> Iterator[Wanted]:
    data = tomllib.loads(text)
    tables = [data, data.get("workspace", {}), *data.get("target", {}).values()]
    for table in tables:
        for key in _CARGO:
            for name, wanted in table.get(key, {}).items():
                away = isinstance(wanted, dict) and not {"git", "registry"}.isdisjoint(wanted)
                yield _from(name, wanted) if away else Wanted(name, _versions(wanted))
    for source in data.get("patch", {}).values():
        yield from (Wanted(f"{name} (patched)") for name in source)


def _go(text: str) -> Iterator[Wanted]:
    for block in _GO_BLOCK.findall(text):
        for line in block.splitlines():
            bare = line.partition("//")[0].split()
            yield from (Wanted(name, _versions(" ".join(bare[1:2]))) for name in bare[:1])
    yield from map(Wanted, _GO_LINE.findall(text))
    yield from (Wanted(f"replaced by {place}") for place in _GO_REPLACE.findall(text))


def _gemfile(text: str) -> Iterator[Wanted]:
    yield from map(Wanted, _GEM.findall(text))


_READERS: Mapping[str, Reader] = {
    "pyproject.toml": _pyproject,
    "setup.cfg": _setup_cfg,
    "setup.py": _setup_py,
    "pipfile": lambda text: (
        Wanted(_canonical(name).name, _versions(wanted))
        for key in ("packages", "dev-packages")
        for name, wanted in tomllib.loads(text).get(key, {}).items()
    ),
    "package.json": _package_json,
    "cargo.toml": _cargo,
    "go.mod": _go,
    "gemfile": _gemfile,
}
