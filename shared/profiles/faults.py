"""What is wrong with a profile, all of it: where it stands, what it is, and the mend."""

import difflib
import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from typing import NamedTuple

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from shared.domain import Role

Place = tuple[str | int, ...]
Raw = Mapping[str, object]
NUM_PREDICT = 4096  # tokens of a reply where a model names no other number
GEMINI_MODEL = "gemini-3-flash-preview"  # asked where a profile names no other frontier model
GIB_IN_GB = 1.073741824
_LONGEST_VALUE = 40
_CREDENTIALS = re.compile(r"//.*@")
_WORDS = {
    "string_type": "write text in quotes",
    "string_too_short": "write a name",
    "tuple_type": "write [[tables]]",
    "model_type": "write a [table]",
    "dict_type": "write a [table]",
    "int_type": "write a whole number, without quotes",
    "int_from_float": "write a whole number",
    "float_type": "write a number, without quotes",
    "bool_type": "write true or false, without quotes",
    "greater_than": "write a number above {gt}",
    "greater_than_equal": "write a number from {ge} on",
    "less_than_equal": "write a number up to {le}",
    "finite_number": "write a number that ends",
}
_FORMS = {
    "url": "write an address such as http://127.0.0.1:11434",
    "keep_alive": 'write a time such as "30m", or a number of seconds; 0: unload at once, -1: stay',
}
_TABLES = {
    "nodes": "write [[nodes]] tables",
    "models": "write [[models]] tables",
    "roles": "write a [roles] table",
}


class Fault(NamedTuple):
    """One fault: the place as pydantic counts it, and a sentence with the mend."""

    place: Place
    what: str


def contradictions(raw: Raw) -> Iterator[Fault]:
    """Find what no single key shows: names that lead nowhere, doubles, models without room.

    Reads whatever has the right form, so that one wrong key does not hide the other faults.
    """
    nodes, models = list(_tables(raw, "nodes")), list(_tables(raw, "models"))
    yield from _doubles("nodes", nodes, ("name",))
    yield from _doubles("models", models, ("name", "node"))
    homes = {name: node for _, node in nodes if (name := _text(node, "name"))}
    for number, node in nodes:
        yield from _node_faults(("nodes", number), node)
    for number, model in models:
        yield from _model_faults(("models", number), model, homes)
        yield from _fallback_faults(("models", number), model, models, homes)
        yield from _meanwhile_faults(("models", number), model, models)
    yield from _role_faults(raw, [name for _, model in models if (name := _text(model, "name"))])
    yield from _frontier_faults(raw.get("frontier"))


def field_faults(
    error: ValidationError, raw: object, known: Callable[[Place], Collection[str]]
) -> Iterator[Fault]:
    """Say in plain words what pydantic found; ``known`` names the keys that a table may have."""
    told = set()
    for detail in error.errors(include_url=False):
        # "[key]" is pydantic's mark for the key of a mapping, not a part of the place.
        place = tuple(part for part in detail["loc"] if part != "[key]")
        # A list whose rows are all faulty counts as empty, too.
        shadow = detail["type"] == "too_short" and _look(raw, place)
        if place and place not in told and not shadow:
            told.add(place)
            yield Fault(place, _in_words(detail, place, raw, known))


def described(fault: Fault, raw: object, line: int | None) -> str:
    """Write a fault as one line: position, table, key, what and mend."""
    parts = [f"line {line}"] if line else []
    table, *rest = fault.place
    if rest and isinstance(rest[0], int):
        name = _look(raw, (table, rest[0], "name"))
        parts.append(f'[[{table}]] "{name}"' if isinstance(name, str) else f"[[{table}]] {rest[0]}")
        rest = rest[1:]
    elif rest:
        parts.append(f"[{table}]")
    else:
        rest = [table]
    parts.extend(str(key) for key in rest)
    return f"{', '.join(parts)}: {fault.what}"


def nearest(word: str, words: Iterable[str]) -> str:
    """Ask whether another word was meant, or else list them all."""
    words = list(words)
    close = difflib.get_close_matches(word, words, n=1)
    return f'did you mean "{close[0]}"?' if close else f"there are {', '.join(words) or 'none'}"


def _doubles(table: str, rows: list[tuple[int, Raw]], keys: tuple[str, ...]) -> Iterator[Fault]:
    seen: set[tuple[str, ...]] = set()
    for number, row in rows:
        mark = tuple(_text(row, key) for key in keys)
        if all(mark) and mark in seen:
            where = f' on node "{mark[1]}"' if mark[1:] else ""
            what = f'"{mark[0]}"{where} stands here twice; take one out or rename it'
            yield Fault((table, number, "name"), what)
        seen.add(mark)


def _node_faults(place: Place, node: Raw) -> Iterator[Fault]:
    budget, machine = _number(node, "memory_gb"), _number(node, "ram_gb")
    if 0 < machine * GIB_IN_GB < budget:
        what = f"{budget:g} is more than the machine has (ram_gb = {machine:g}); lower it"
        yield Fault((*place, "memory_gb"), what)


def _model_faults(place: Place, model: Raw, nodes: Mapping[str, Raw]) -> Iterator[Fault]:
    home = _text(model, "node")
    if home and home not in nodes:
        what = f'"{home}" is not in [[nodes]]; {nearest(home, nodes)}'
        yield Fault((*place, "node"), what)
    context, reply = _number(model, "num_ctx"), _number(model, "num_predict")
    if context and reply and reply >= context:
        what = (
            f"{reply:g} leaves no room for a prompt in num_ctx = {context:g}; "
            "lower it or raise num_ctx"
        )
        yield Fault((*place, "num_predict"), what)
    elif context and "num_predict" not in model and context <= NUM_PREDICT:
        what = (
            f"{context:g} leaves no room for a prompt beside the reply; raise it, "
            f"or set a num_predict below it (it is {NUM_PREDICT} where none is set)"
        )
        yield Fault((*place, "num_ctx"), what)
    budget = _number(nodes.get(home, {}), "memory_gb")
    need = needed_gb(_number(model, "size_gb"), _number(model, "gb_per_1k_tokens"), context)
    if 0 < budget < need:
        what = (
            f'with its context the model needs {need:.1f} GB, and node "{home}" has a budget of '
            f"{budget:g}; lower num_ctx, take a smaller model, or raise memory_gb"
        )
        yield Fault((*place, "size_gb"), what)


def _fallback_faults(
    place: Place, model: Raw, models: list[tuple[int, Raw]], nodes: Mapping[str, Raw]
) -> Iterator[Fault]:
    wanted, place = _text(model, "fallback"), (*place, "fallback")
    if not wanted:
        return
    homes = {name: _text(row, "node") for _, row in models if (name := _text(row, "name"))}
    if wanted == _text(model, "name"):
        yield Fault(place, "a model cannot stand in for itself; name another or leave it out")
    elif wanted not in homes:
        others = [name for name in homes if name != _text(model, "name")]
        yield Fault(place, f'"{wanted}" is not in [[models]]; {nearest(wanted, others)}')
    elif homes[wanted] not in nodes:
        yield Fault(place, f'"{wanted}" is on no node of [[nodes]]; correct its node')


def _meanwhile_faults(place: Place, model: Raw, models: list[tuple[int, Raw]]) -> Iterator[Fault]:
    wanted, place = model.get("meanwhile"), (*place, "meanwhile")
    beside = [
        name
        for _, row in models
        if _text(row, "node") == _text(model, "node")
        and (name := _text(row, "name")) != _text(model, "name")
    ]
    for name in wanted if isinstance(wanted, list) else ():
        if isinstance(name, str) and name not in beside:
            what = f'"{name}" is no other model of the same node; {nearest(name, beside)}'
            yield Fault(place, what)


def _role_faults(raw: Raw, names: list[str]) -> Iterator[Fault]:
    roles = raw.get("roles")
    if not isinstance(roles, Mapping):
        return
    for role in Role:
        name = roles.get(role.value)
        if name is None:
            yield Fault(("roles", role.value), f'has no model; add {role.value} = "<model name>"')
        elif isinstance(name, str) and name not in names:
            what = f'"{name}" is not in [[models]]; {nearest(name, dict.fromkeys(names))}'
            yield Fault(("roles", role.value), what)


def _frontier_faults(table: object) -> Iterator[Fault]:
    if not isinstance(table, Mapping):
        return
    provider = _text(table, "provider")
    if provider not in {"", "gemini"} and "model" not in table:
        yield Fault(("frontier", "model"), f'is missing; write the name of a model of "{provider}"')
    run, month = _number(table, "run_budget_usd"), table.get("monthly_budget_usd")
    if month is not None and run > _number(table, "monthly_budget_usd"):
        what = f"{run:g} is more than a month may cost (monthly_budget_usd = {month}); lower it"
        yield Fault(("frontier", "run_budget_usd"), what)
    prices = {"usd_per_million_input", "usd_per_million_output"}
    if len(known := sorted(prices & table.keys())) == 1:
        (missing,) = prices - set(known)
        yield Fault(("frontier", missing), f"is missing; {known[0]} needs it beside it")


def needed_gb(size_gb: float, gb_per_1k_tokens: float, num_ctx: float) -> float:
    """Return the memory that a loaded model takes with its whole context, in GB."""
    return size_gb + gb_per_1k_tokens * num_ctx / 1000


def _tables(raw: Raw, key: str) -> Iterator[tuple[int, Raw]]:
    rows = raw.get(key)
    for number, row in enumerate(rows if isinstance(rows, list | tuple) else ()):
        if isinstance(row, Mapping):
            yield number, row


def _text(row: Raw, key: str) -> str:
    value = row.get(key)
    return value if isinstance(value, str) else ""


def _number(row: Raw, key: str) -> float:
    value = row.get(key)
    return value if isinstance(value, int | float) and not isinstance(value, bool) else 0.0


def _in_words(
    detail: ErrorDetails, place: Place, raw: object, known: Callable[[Place], Collection[str]]
) -> str:
    key, kind = str(place[-1]), detail["type"]
    if kind == "missing":
        return f"is missing; {_TABLES.get(key, f'add {key} = ...')}"
    if kind == "extra_forbidden" or "[key]" in detail["loc"]:
        return f"is not known here; {nearest(key, known(place[:-1]))}"
    value = _look(raw, place)
    if kind == "too_short":
        return f"is empty; {_TABLES.get(key, 'fill it in')}"
    context = detail.get("ctx", {})
    if kind == "enum":
        return f"is {_shown(value)}; write {context.get('expected')}"
    mend = _TABLES.get(key) or _FORMS.get(key) or _WORDS.get(kind, detail["msg"]).format(**context)
    return f"is {_shown(value)}; {mend}"


def _look(raw: object, place: Place) -> object:
    for part in place:
        if isinstance(raw, Mapping):
            raw = raw.get(str(part))
        elif isinstance(raw, list | tuple) and isinstance(part, int) and part < len(raw):
            raw = raw[part]
        else:
            return None
    return raw


def _shown(value: object) -> str:
    if isinstance(value, Mapping):
        return "a table"
    if isinstance(value, list | tuple):
        return "a list"
    if isinstance(value, bool):
        return str(value).lower()
    text = _CREDENTIALS.sub("//", str(value))
    text = text if len(text) <= _LONGEST_VALUE else f"{text[:_LONGEST_VALUE]}…"
    return f'"{text}"' if isinstance(value, str) else text
