"""The installed metadata of a project: what ``importlib.metadata`` reads about it."""

from collections.abc import Mapping
from email.parser import HeaderParser
from pathlib import Path

from packaging.utils import canonicalize_name

from shared.domain import Value
from shared.target.config import Project

# The version of a project whose own version could not be learnt; valid by PEP 440.
UNKNOWN_VERSION = "0+unknown"


class Metadata(Value):
    """Name, version, requirement lines with their markers, extras, entry points as written."""

    name: str
    version: str
    requires: tuple[str, ...] = ()
    extras: tuple[str, ...] = ()
    entry_points: str = ""


def stated(project: Project) -> Metadata:
    """Return what a ``[project]`` table states by itself."""
    groups: Mapping[str, Mapping[str, str]] = {
        "console_scripts": project.scripts,
        **project.entry_points,
    }
    sections = [
        "\n".join((f"[{group}]", *(f"{name} = {value}" for name, value in points.items())))
        for group, points in groups.items()
        if points
    ]
    return Metadata(
        name=project.name,
        version=project.version or UNKNOWN_VERSION,
        requires=project.dependencies,
        extras=tuple(project.extras),
        entry_points="\n\n".join(sections),
    )


def parsed(text: str, entry_points: str) -> Metadata:
    """Read a ``METADATA`` file: https://packaging.python.org/specifications/core-metadata."""
    headers = HeaderParser().parsestr(text)
    return Metadata(
        name=headers.get("Name", ""),
        version=headers.get("Version", UNKNOWN_VERSION),
        requires=tuple(headers.get_all("Requires-Dist", [])),
        extras=tuple(headers.get_all("Provides-Extra", [])),
        entry_points=entry_points,
    )


def write(metadata: Metadata, folder: Path) -> None:
    """Write a ``.dist-info`` folder which makes the project known as installed."""
    name = canonicalize_name(metadata.name).replace("-", "_")
    info = folder / f"{name}-{metadata.version}.dist-info"
    info.mkdir(parents=True)
    lines = [
        "Metadata-Version: 2.1",
        f"Name: {metadata.name}",
        f"Version: {metadata.version}",
        *(f"Provides-Extra: {extra}" for extra in metadata.extras),
        *(f"Requires-Dist: {line}" for line in metadata.requires),
    ]
    (info / "METADATA").write_text("\n".join(lines) + "\n", encoding="utf-8")
    (info / "entry_points.txt").write_text(metadata.entry_points, encoding="utf-8")
