"""Native tool calls where a model has them, and text for ever after the first that fails."""

from collections.abc import Mapping, Sequence

from pydantic import JsonValue

from agents.dialect import TOOLS
from agents.loop import Brief, Ended, Limits, Support, work
from shared.chat import JsonSchema, Message, Speaker, ToolCall, ToolReply
from shared.errors import MalformedReply
from shared.workspace import EditFile, Observation, RunCommand, Submit, ViewFile
from tests.fakes import ScriptedChat, ScriptedWorkspace, usage

BRIEF = Brief(
    system=Message(role=Speaker.SYSTEM, content="# Dev1_Senior"),
    task=Message(role=Speaker.USER, content="Mend it."),
    reminder="Your task: mend it.",
)


class Tools:
    """A model that calls tools as it is told."""

    def __init__(self, *replies: ToolReply | MalformedReply) -> None:
        self.replies = list(replies)
        self.asked: list[list[Message]] = []

    async def call(self, messages: Sequence[Message], tools: Sequence[JsonSchema]) -> ToolReply:
        """Return the next reply."""
        assert len(tools) == 6
        self.asked.append(list(messages))
        reply = self.replies.pop(0)
        if isinstance(reply, MalformedReply):
            raise reply
        return reply


def call(name: str, **arguments: JsonValue) -> ToolReply:
    """Return a reply with one call."""
    calls = (ToolCall(name=name, arguments=arguments),)
    return ToolReply(text="Next.", usage=usage(), calls=calls)


async def run(tools: Tools, chat: ScriptedChat) -> tuple[ScriptedWorkspace, Ended]:
    """Run the loop with both ways of asking."""
    workspace = ScriptedWorkspace([Observation(text="ok", ok=True)])
    attempt = await work(chat, workspace, BRIEF, Limits(), Support(tools=tools))
    return workspace, attempt.ended


async def test_calls_are_actions() -> None:
    """A call becomes the same action as its text, and stands in the history as that text."""
    tools = Tools(
        call("view", path="a.py", start=3, end=9),
        call("edit", path="a.py", search="x = 1", replace="x = 2"),
        call("submit", message="Done."),
    )
    workspace, ended = await run(tools, ScriptedChat())
    assert ended is Ended.SUBMITTED
    assert workspace.acted == [
        ViewFile(path="a.py", start=3, end=9),
        EditFile(path="a.py", search="x = 1\n", replace="x = 2\n"),
        Submit(message="Done."),
    ]
    assert tools.asked[1][-2].content == "Next.\n\n```view a.py 3-9\n```"


async def test_text_is_as_good_as_a_call() -> None:
    """A model that answers with a block although it has tools is understood."""
    text = ToolReply(text="```run\nls\n```", usage=usage())
    workspace, _ = await run(Tools(text, call("submit")), ScriptedChat())
    assert workspace.acted[0] == RunCommand(command="ls")


async def test_the_first_call_that_fails_is_the_last() -> None:
    """Whatever cannot be read, by us or by the model's server, ends the calls for good."""
    twice = call("view", path="a")
    bad: Sequence[ToolReply | MalformedReply] = (
        call("view"),
        call("write_file", path="a.py"),
        call("edit", path="a.py", search=["x"], replace="y"),
        twice.model_copy(update={"calls": twice.calls * 2}),
        call("view", path="a").model_copy(update={"cut": True}),
        ToolReply(text="I think so.", usage=usage()),
        MalformedReply("The server could not read the call."),
    )
    for reply in bad:
        chat = ScriptedChat()
        chat.enqueue(RunCommand(command="ls"), Submit())
        tools = Tools(reply)
        workspace, ended = await run(tools, chat)
        assert ended is Ended.SUBMITTED
        assert workspace.acted[0] == RunCommand(command="ls")
        assert len(tools.asked) == 1
        assert chat.asked[0][-1].content.endswith("as described above.")


def test_the_tools_are_the_actions() -> None:
    """Each action has a tool with its name and its arguments, and nothing else."""
    functions = [tool["function"] for tool in TOOLS]
    assert all(isinstance(function, Mapping) for function in functions)
    told = {f["name"]: set(f["parameters"]["properties"]) for f in functions}  # type: ignore[index]  # JSON schemas are untyped
    assert told == {
        "run": {"command"},
        "view": {"path", "start", "end"},
        "search": {"pattern", "path"},
        "edit": {"path", "search", "replace"},
        "create": {"path", "content"},
        "submit": {"message"},
    }
