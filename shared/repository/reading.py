"""Reading ``.github/baton.yml``: every fault with its line and the mend, and a safe stand-in.

A key that can be read holds; for one that cannot, and for all of them where the text is no YAML,
stands what asks people most. So a slip in one line does not unprotect what another protects.
"""

import json
from collections.abc import Collection, Iterator, Mapping

import yaml
from pydantic import BaseModel, ValidationError

from shared.domain import Value
from shared.profiles.faults import Place, nearest
from shared.repository.config import (
    PATH,
    SAFE,
    RepositoryApprovals,
    RepositoryConfig,
    Triggers,
)

_LONGEST = 65_536
_MOST_FAULTS = 20
_CAUTIOUS = ("triggers", "approvals")
_TABLES: Mapping[Place, type[BaseModel]] = {
    (): RepositoryConfig,
    ("triggers",): Triggers,
    ("approvals",): RepositoryApprovals,
}
_WORDS = {
    "string_type": "write text, in quotes if it looks like a number",
    "bool_type": "write true or false",
    "tuple_type": "write a list: `[one, two]`, or a line with `- ` for each",
    "model_type": "write keys below it",
    "too_long": "it is longer than the {max_length} that are taken",
    "string_too_long": "it is longer than the {max_length} characters that are taken",
    "string_too_short": "it is empty: fill it in, or remove the line",
    "enum": "write {expected}",
    "int_type": "write a number, without quotes",
    "greater_than_equal": "write a number from {ge} on",
    "less_than_equal": "write a number up to {le}",
}
_FORMS = {
    "branch_prefix": "write letters, digits, `-` and `_`, such as `baton`",
    "setup": "write one line",
    "test": "write one line",
    "lint": "write one line",
}


class Fault(Value):
    """One fault of the file: its line from 1, and a sentence with the mend."""

    line: int
    what: str

    def __str__(self) -> str:
        return f"line {self.line}: {self.what}"


class Reading(Value):
    """What the file says as far as it can be read, and what is wrong with it."""

    config: RepositoryConfig = RepositoryConfig()
    faults: tuple[Fault, ...] = ()

    def __str__(self) -> str:
        return "\n".join(f"{PATH}, {fault}" for fault in self.faults)


def read_config(text: str) -> Reading:
    """Read the file's text; an empty one says nothing, and nothing in it is executed."""
    try:
        told, lines = _parsed(text)
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        return _unread(line, f"this is no YAML ({error.problem}). Mend it there.")
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        return _unread(1, f"this is no YAML that Baton reads ({error}).")
    if told is None:
        return Reading()
    if not isinstance(told, dict):
        return _unread(1, "the file must hold keys, such as `test: make check`.")
    return _validated(told, lines)


def _parsed(text: str) -> tuple[object, dict[Place, int]]:
    if len(text) > _LONGEST:
        msg = f"it is longer than {_LONGEST:,} characters"
        raise ValueError(msg)
    tokens = yaml.scan(text, Loader=yaml.SafeLoader)
    alias = next((token for token in tokens if isinstance(token, yaml.AliasToken)), None)
    if alias is not None:
        # A few aliases of aliases unfold into gigabytes.
        line = alias.start_mark.line + 1
        msg = f"line {line} has an alias such as *name: write the value out there"
        raise ValueError(msg)
    root = yaml.compose(text, Loader=yaml.SafeLoader)
    return yaml.safe_load(text), dict(_lines(root, ())) if root is not None else {}


def _lines(node: yaml.Node, place: Place) -> Iterator[tuple[Place, int]]:
    """Find the line of every key and item."""
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            here = (*place, str(key.value))
            yield here, key.start_mark.line + 1
            yield from _lines(value, here)
    elif isinstance(node, yaml.SequenceNode):
        for number, item in enumerate(node.value):
            yield (*place, number), item.start_mark.line + 1
            yield from _lines(item, (*place, number))


def _validated(told: dict[object, object], lines: Mapping[Place, int]) -> Reading:
    """Keep the keys that can be read, and put safe ones in the place of the others."""
    # A key with nothing behind it is an unset one.
    stated = {str(key): value for key, value in told.items() if value is not None}
    faults = list(_faults(stated, lines))
    faulty = {str(place[0]) for place, _ in faults}
    kept = {key: value for key, value in stated.items() if key not in faulty}
    config = RepositoryConfig.model_validate_json(_as_json(kept), strict=True)
    # An unknown key may be a slip in any of them.
    unknown = faulty - {*RepositoryConfig.model_fields}
    safe = _CAUTIOUS if unknown else tuple(faulty & {*_CAUTIOUS})
    stand_ins = {key: getattr(SAFE, key) for key in safe if key in faulty or key not in kept}
    told_faults = tuple(fault for _, fault in faults[:_MOST_FAULTS])
    return Reading(config=config.model_copy(update=stand_ins), faults=told_faults)


def _faults(
    told: Mapping[str, object], lines: Mapping[Place, int]
) -> Iterator[tuple[Place, Fault]]:
    try:
        # As JSON, since only there a list counts strictly as a tuple; dates become text.
        RepositoryConfig.model_validate_json(_as_json(told), strict=True)
    except ValidationError as error:
        for detail in error.errors(include_url=False):
            place = tuple(detail["loc"])
            what = _in_words(place, detail["type"], detail.get("ctx", {}), detail["msg"])
            yield place, Fault(line=_line(place, lines), what=what)


def _in_words(place: Place, kind: str, context: Mapping[str, object], message: str) -> str:
    name = ".".join(str(part) for part in place)
    if kind == "extra_forbidden":
        return f"`{name}` is no key of this file; {nearest(str(place[-1]), _known(place[:-1]))}"
    mend = _FORMS.get(str(place[-1])) if kind == "string_pattern_mismatch" else None
    mend = mend or _WORDS.get(kind, message).format(**context)
    return f"`{name}` does not have the right form: {mend}."


def _known(place: Place) -> Collection[str]:
    return _TABLES[place].model_fields


def _line(place: Place, lines: Mapping[Place, int]) -> int:
    """Return the line of a place, or of the nearest one around it."""
    while place and place not in lines:
        place = place[:-1]
    return lines.get(place, 1)


def _as_json(told: Mapping[str, object]) -> str:
    return json.dumps(told, default=str)


def _unread(line: int, what: str) -> Reading:
    return Reading(config=SAFE, faults=(Fault(line=line, what=what),))
