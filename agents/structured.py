"""Replies with a form: constrained by a JSON schema, read tolerantly, corrected once."""

import json
from collections.abc import Sequence
from typing import TypeVar

from pydantic import BaseModel, ValidationError

from agents.budget import clip
from shared.chat import Chat, JsonSchema, Message, Reply, Speaker
from shared.errors import MalformedReply

T = TypeVar("T", bound=BaseModel)
_SHOWN_FAULTS = 5
_MOST_TRIES = 100
_LONGEST_TEXT = 1_000  # characters of one text in a constrained reply
_LONGEST_SHOWN = 4_000  # characters of a reply that has to be corrected


async def ask(chat: Chat, messages: Sequence[Message], form: type[T]) -> T:
    """Ask for a value, with one precise correction when the reply does not have its form.

    Raises MalformedReply when the corrected reply does not have it either, and whatever the
    chat raises.
    """
    schema = schema_of(form)
    reply = await chat.complete(messages, schema=schema)
    try:
        return read(reply, form)
    except MalformedReply as error:
        said = Message(role=Speaker.ASSISTANT, content=_shortened(reply.text))
        correction = Message(role=Speaker.USER, content=f"{error} Answer again, JSON object only.")
    corrected = await chat.complete([*messages, said, correction], schema=schema)
    return read(corrected, form)


def _shortened(text: str) -> str:
    # A whole reply may take the room that the next one needs.
    return clip(text.strip(), _LONGEST_SHOWN) or "(nothing)"


def read(reply: Reply, form: type[T]) -> T:
    """Read a value from a reply that may carry a fence or prose around its JSON.

    Raises MalformedReply with a sentence that tells the model what to mend.
    """
    if reply.cut:
        raise MalformedReply(
            "The answer was too long and was cut off. Say the same in fewer words."
        )
    objects = _json_objects(reply.text)
    if not objects:
        raise MalformedReply("The answer holds no complete JSON object.")
    faults: list[str] = []
    for found in reversed(objects):  # models draft first and answer last
        try:
            return form.model_validate_json(json.dumps(found), strict=False)
        except ValidationError as error:
            faults.append(_faults(error))
    raise MalformedReply(faults[0])


def schema_of(form: type[BaseModel]) -> JsonSchema:
    """Return the JSON schema of a form with every field required and every text bounded.

    A constrained model leaves out what it may leave out, and small models then always do; some
    never end a text that has no bound. llama.cpp refuses grammars with 2000 repetitions.
    """
    schema: JsonSchema = _bounded(form.model_json_schema())
    return schema


def _bounded(node: dict[str, object]) -> dict[str, object]:
    changed = {key: _descend(value) for key, value in node.items() if key != "default"}
    if changed.get("type") == "string" and "enum" not in changed:
        changed.setdefault("maxLength", _LONGEST_TEXT)
    properties = changed.get("properties")
    if isinstance(properties, dict):
        changed["required"] = list(properties)
    return changed


def _descend(node: object) -> object:
    if isinstance(node, dict):
        return _bounded(node)
    return [_descend(item) for item in node] if isinstance(node, list) else node


def _json_objects(text: str) -> list[dict[str, object]]:
    """Return the JSON objects of a text that are not inside one another."""
    decoder = json.JSONDecoder()
    found: list[dict[str, object]] = []
    start, tries = text.find("{"), 0
    while start >= 0 and tries < _MOST_TRIES:
        tries += 1
        try:
            value, end = decoder.raw_decode(text, start)
        except (ValueError, RecursionError):
            end = start + 1
        else:
            found.append(value)
        start = text.find("{", end)
    return found


def _faults(error: ValidationError) -> str:
    faults = error.errors(include_url=False, include_context=False, include_input=False)
    shown = [
        f'"{".".join(str(part) for part in fault["loc"]) or "answer"}": {fault["msg"]}'
        for fault in faults[:_SHOWN_FAULTS]
    ]
    more = len(faults) - len(shown)
    rest = f"; and {more} more" if more else ""
    return f"The JSON object is not of the form asked for: {'; '.join(shown)}{rest}."
