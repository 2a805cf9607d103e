"""Read the configuration files of a Python project without running any of it."""

import tomllib
from collections.abc import Mapping
from configparser import ConfigParser
from configparser import Error as IniError
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from shared.errors import TargetError
from shared.target.tree import Tree


class _Lenient(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore", populate_by_name=True)


class Project(_Lenient):
    """The ``[project]`` table: https://packaging.python.org/specifications/pyproject-toml."""

    name: str
    version: str = ""
    dynamic: tuple[str, ...] = ()
    dependencies: tuple[str, ...] = ()
    extras: Annotated[Mapping[str, tuple[str, ...]], Field(alias="optional-dependencies")] = {}
    requires_python: Annotated[str, Field(alias="requires-python")] = ""
    scripts: Mapping[str, str] = {}
    entry_points: Annotated[Mapping[str, Mapping[str, str]], Field(alias="entry-points")] = {}


class BuildSystem(_Lenient):
    """The ``[build-system]`` table."""

    requires: tuple[str, ...] = ()
    backend: Annotated[str, Field(alias="build-backend")] = ""
    backend_path: Annotated[tuple[str, ...], Field(alias="backend-path")] = ()


class Include(_Lenient):
    """A dependency group that takes in another one."""

    group: Annotated[str, Field(alias="include-group")]


class Pyproject(_Lenient):
    """What Baton reads of ``pyproject.toml``."""

    project: Project | None = None
    build: Annotated[BuildSystem | None, Field(alias="build-system")] = None
    groups: Annotated[
        Mapping[str, tuple[str | Include, ...]], Field(alias="dependency-groups")
    ] = {}
    tool: Mapping[str, object] = {}

    def table(self, *names: str) -> Mapping[str, object] | None:
        """Return the table ``[tool.<names>]``, None when there is none."""
        found: object = self.tool
        for name in names:
            found = found.get(name) if isinstance(found, Mapping) else None
        return found if isinstance(found, Mapping) else None


def read_pyproject(tree: Tree) -> Pyproject:
    """Read ``pyproject.toml``; an absent one is empty.

    Raises TargetError when it is not valid.
    """
    try:
        return Pyproject.model_validate(tomllib.loads(tree.read("pyproject.toml")))
    except tomllib.TOMLDecodeError as error:
        raise TargetError(f"pyproject.toml is not valid TOML ({error}): correct it.") from error
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise TargetError(
            f"pyproject.toml: {where} does not have the form asked for: {first['msg']}."
        ) from error


def read_ini(tree: Tree, path: str) -> ConfigParser:
    """Read an ini file such as ``setup.cfg``; one that cannot be read is empty."""
    parser = ConfigParser(interpolation=None, strict=False)
    try:
        parser.read_string(tree.read(path))
    except IniError:
        return ConfigParser(interpolation=None)
    return parser


def strings(value: object) -> tuple[str, ...]:
    """Return the strings of a TOML array or of an ini value with one item a line."""
    if isinstance(value, str):
        return tuple(line.strip() for line in value.splitlines() if line.strip())
    if isinstance(value, list | tuple):
        return tuple(item for item in value if isinstance(item, str))
    return ()
