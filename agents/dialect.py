"""How an agent's action travels: as plain text, or as a native tool call where a model can.

Native calls are for models whose profile says that they work. After the first call that cannot be
read the conversation goes on in text, for good; the history is text in both cases, so that nothing
has to be told twice.
"""

from collections.abc import Sequence
from typing import NamedTuple

from pydantic import ValidationError

from agents import protocol
from shared.chat import Chat, JsonSchema, Message, ToolCall, ToolChat, Usage
from shared.domain import Value
from shared.errors import MalformedAction, MalformedReply
from shared.workspace.actions import (
    ACTIONS,
    Action,
    CreateFile,
    EditFile,
    RunCommand,
    Search,
    Submit,
    ViewFile,
)

_CUT = "The reply was too long and was cut off. Do less in one step: one short edit, then the next."
_AS_TEXT = "Write actions as text from now on, one block in backticks as described above."
_KINDS = (RunCommand, ViewFile, Search, EditFile, CreateFile, Submit)


class Said(NamedTuple):
    """One turn of a model: its words, what they cost, and the action or what is wrong with it."""

    text: str
    usage: Usage | None
    action: Action | None
    fault: str = ""


class Dialect:
    """Asks a model for its next action; starts with tool calls when there is somebody to ask."""

    def __init__(self, chat: Chat, tools: ToolChat | None = None) -> None:
        self._chat = chat
        self._tools = tools

    async def ask(self, messages: Sequence[Message]) -> Said:
        """Return the model's next turn.

        Raises what the chat raises, but for a tool call that its server could not read.
        """
        if self._tools is None:
            reply = await self._chat.complete(messages)
            return _of_text(reply.text, reply.usage, cut=reply.cut)
        said = await self._native(self._tools, messages)
        if said.action is None:
            self._tools = None
            return said._replace(fault=f"{said.fault} {_AS_TEXT}")
        return said

    async def _native(self, tools: ToolChat, messages: Sequence[Message]) -> Said:
        try:
            reply = await tools.call(messages, TOOLS)
        except MalformedReply as error:
            return Said("", None, None, str(error))
        if reply.cut or not reply.calls:
            return _of_text(reply.text, reply.usage, cut=reply.cut)
        if len(reply.calls) > 1:
            return Said(reply.text, reply.usage, None, "One action a turn, and no more.")
        try:
            action = _of_call(reply.calls[0])
        except ValidationError:
            fault = f'The call of "{reply.calls[0].name}" cannot be read.'
            return Said(reply.text, reply.usage, None, fault)
        return Said(f"{reply.text}\n\n{protocol.render(action)}".strip(), reply.usage, action)


def _of_text(text: str, usage: Usage, *, cut: bool) -> Said:
    if cut:
        return Said(text, usage, None, _CUT)
    try:
        return Said(text, usage, protocol.parse(text))
    except MalformedAction as fault:
        return Said(text, usage, None, str(fault))


def _of_call(call: ToolCall) -> Action:
    arguments = {**call.arguments, "kind": call.name}
    for name in ("search", "replace"):  # whole lines, as in the text form
        value = arguments.get(name)
        if call.name == "edit" and isinstance(value, str) and value and not value.endswith("\n"):
            arguments[name] = f"{value}\n"
    return ACTIONS.validate_python(arguments)


def _tool(kind: type[Value]) -> JsonSchema:
    schema = kind.model_json_schema()
    properties = {n: _plain(p) for n, p in schema["properties"].items() if n != "kind"}
    return {
        "type": "function",
        "function": {
            "name": kind.model_fields["kind"].default,
            "description": schema["description"],
            "parameters": {
                "type": "object",
                "properties": properties,
                "required": schema.get("required", []),
            },
        },
    }


def _plain(property_: JsonSchema) -> JsonSchema:
    """Name the one type of an argument; servers overlook a choice, and null is leaving it out."""
    choices = property_.get("anyOf")
    if not isinstance(choices, list):
        return property_
    return next(choice for choice in choices if choice.get("type") != "null")


TOOLS: Sequence[JsonSchema] = tuple(_tool(kind) for kind in _KINDS)
"""The six actions as functions."""
