"""Reading a profile from a file, with every fault of it told by line, key and mend."""

import json
import tomllib
from collections.abc import Collection, Mapping
from importlib.resources import files
from pathlib import Path

from pydantic import ValidationError

from shared.domain import Role
from shared.errors import ConfigurationError
from shared.profiles.faults import Fault, contradictions, described, field_faults
from shared.profiles.household import (
    Approvals,
    Budgets,
    FrontierPolicy,
    ModelSpec,
    Node,
    Profile,
)
from shared.profiles.lines import line_of


def built_in() -> tuple[str, ...]:
    """List the names of the profiles that come with Baton."""
    names = (file.name for file in files("shared.profiles").iterdir())
    return tuple(sorted(name.removesuffix(".toml") for name in names if name.endswith(".toml")))


def load(name_or_path: str) -> Profile:
    """Read a profile by built-in name or by path.

    Raises ConfigurationError with the file, the key and the mend.
    """
    if name_or_path in built_in():
        source = f"profile {name_or_path}"
        text = (files("shared.profiles") / f"{name_or_path}.toml").read_text("utf-8")
    else:
        source = name_or_path
        text = _read(Path(name_or_path))
    raw = _parsed(source, text)
    faults = _faults(raw)
    if not faults:
        return Profile.model_validate_json(json.dumps(raw), strict=True)
    raise ConfigurationError(_told(source, text, raw, faults))


def _faults(raw: object) -> list[Fault]:
    """Find all faults, one for each place."""
    found = {fault.place: fault for fault in _field_faults(raw)}
    for fault in contradictions(raw) if isinstance(raw, dict) else ():
        found.setdefault(fault.place, fault)
    return list(found.values())


def _told(source: str, text: str, raw: object, faults: list[Fault]) -> str:
    """Write the faults in the order of the file's lines."""
    lines = [None if _is_json(source) else line_of(text, raw, fault.place) for fault in faults]
    order = sorted(range(len(faults)), key=lambda i: lines[i] or 0)
    told = [described(faults[i], raw, lines[i]) for i in order]
    if len(told) == 1:
        return f"{source}: {told[0]}."
    return f"{source} has {len(told)} faults:" + "".join(f"\n  {one}" for one in told)


def _field_faults(raw: object) -> list[Fault]:
    """Check the keys one by one, strictly: a number in quotes is text."""
    try:
        # As JSON, since only there a list counts strictly as a tuple; dates become text.
        Profile.model_validate_json(json.dumps(raw, default=str), strict=True)
    except ValidationError as error:
        return list(field_faults(error, raw, _known))
    return []


def _known(place: tuple[str | int, ...]) -> Collection[str]:
    """Return the keys of the table at a place."""
    tables: Mapping[str, Collection[str]] = {
        "nodes": Node.model_fields,
        "models": ModelSpec.model_fields,
        "roles": [role.value for role in Role],
        "approvals": Approvals.model_fields,
        "budgets": Budgets.model_fields,
        "frontier": FrontierPolicy.model_fields,
    }
    return tables[str(place[0])] if place else Profile.model_fields


def _is_json(source: str) -> bool:
    return source.endswith(".json")


def _parsed(source: str, text: str) -> object:
    try:
        return json.loads(text) if _is_json(source) else tomllib.loads(text)
    except json.JSONDecodeError as error:
        raise ConfigurationError(f"{source} is not valid JSON: {error}.") from error
    except tomllib.TOMLDecodeError as error:
        raise ConfigurationError(f"{source} is not valid TOML: {error}.") from error


def _read(path: Path) -> str:
    try:
        return path.read_text("utf-8")
    except UnicodeDecodeError as error:
        raise ConfigurationError(f"{path} is not text in UTF-8; save it so.") from error
    except OSError as error:
        names = ", ".join(built_in())
        raise ConfigurationError(
            f"No profile at {path} ({error.strerror}). Use one of {names}, "
            "or the path of a TOML file."
        ) from error
