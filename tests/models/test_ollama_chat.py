import asyncio
import json
import socket
from collections.abc import AsyncIterator

import pytest
from starlette.responses import JSONResponse, PlainTextResponse, RedirectResponse, StreamingResponse

from agents.dialect import TOOLS
from shared.chat import Message, Speaker, ToolCall
from shared.errors import (
    MalformedReply,
    ModelError,
    ModelMissing,
    ModelUnavailable,
    PromptTruncated,
)
from shared.ollama import OllamaChat
from shared.profiles import ModelSpec
from tests.models.conftest import MODEL, Answering, node

ASKED = (
    Message(role=Speaker.SYSTEM, content="# Router"),
    Message(role=Speaker.USER, content="Sort this issue."),
)
DONE = {
    "message": {"role": "assistant", "content": ""},
    "done": True,
    "done_reason": "stop",
    "prompt_eval_count": 26,
    "eval_count": 2,
    "total_duration": 1_500_000_000,
}


def piece(text: str) -> dict[str, object]:
    """Return one line of a stream."""
    return {"message": {"role": "assistant", "content": text}, "done": False}


def stream(*lines: object) -> StreamingResponse:
    """Answer with NDJSON; texts are sent as they are."""

    async def body() -> AsyncIterator[str]:
        for line in lines:
            yield line if isinstance(line, str) else json.dumps(line) + "\n"

    return StreamingResponse(body(), media_type="application/x-ndjson")


def chat(server: Answering, model: ModelSpec = MODEL) -> OllamaChat:
    """Return the chat with the server's model."""
    return OllamaChat(node(server.url), model)


async def test_a_streamed_reply_is_put_together(answering: Answering) -> None:
    """The pieces become the text; the last line tells what it cost, in tokens and seconds."""
    answering.response = stream(piece("Hel"), piece("lo"), DONE)
    heard: list[int] = []
    model = OllamaChat(node(answering.url), MODEL, on_progress=heard.append)
    reply = await model.complete(ASKED)
    assert reply.text == "Hello"
    assert not reply.cut
    assert reply.usage.model_dump() == {
        "model": "qwen3:14b",
        "node": "mini",
        "prompt_tokens": 26,
        "output_tokens": 2,
        "seconds": 1.5,
    }
    assert heard == [1, 2]


async def test_the_request_holds_the_fixed_options(answering: Answering) -> None:
    """Only what the profile sets is sent, and always the same, so that nothing is reloaded."""
    answering.response = stream(piece("x"), DONE)
    model = MODEL.model_copy(update={"temperature": 1.0, "top_k": 40, "keep_alive": -1})
    schema = {"type": "object", "properties": {"a": {"type": "string"}}, "required": ["a"]}
    await chat(answering, model).complete(ASKED, schema=schema)
    answering.response = stream(piece("x"), DONE)
    await chat(answering, model.model_copy(update={"think": False})).complete(ASKED)
    first, second = answering.bodies
    assert first["options"] == {
        "num_ctx": 4096,
        "num_predict": 512,
        "temperature": 1.0,
        "top_k": 40,
    }
    assert first["options"] == second["options"]
    assert first["format"] == schema
    assert first["keep_alive"] == -1
    assert first["messages"] == [m.model_dump(mode="json") for m in ASKED]
    assert "think" not in first
    assert second["think"] is False
    assert "format" not in second


async def test_no_key_is_sent_to_a_node(
    answering: Answering, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The key for ollama.com, which the client reads from the environment, stays at home."""
    monkeypatch.setenv("OLLAMA_API_KEY", "secret")
    answering.response = stream(piece("x"), DONE)
    await chat(answering).complete(ASKED)
    assert "authorization" not in answering.asked[0].headers


async def test_prompts_do_not_go_through_a_proxy(
    answering: Answering, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A proxy in the environment is for the internet, not for the house."""
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv("ALL_PROXY", "http://127.0.0.1:9")
    answering.response = stream(piece("x"), DONE)
    assert (await chat(answering).complete(ASKED)).text == "x"


async def test_a_reply_at_its_length_limit_is_marked(answering: Answering) -> None:
    """A reply that num_predict ended is told apart from one that the model ended."""
    answering.response = stream(piece("def f("), {**DONE, "done_reason": "length"})
    assert (await chat(answering).complete(ASKED)).cut


async def test_a_prompt_that_cannot_fit_is_not_sent(answering: Answering) -> None:
    """When there are more words than num_ctx has tokens, no node is troubled."""
    long = Message(role=Speaker.USER, content="word " * 5000)
    with pytest.raises(PromptTruncated, match="num_ctx is 4096"):
        await chat(answering).complete([long])
    assert not answering.asked


@pytest.mark.parametrize("counted", [3, 4096, 5000])
async def test_a_truncated_prompt_is_noticed(answering: Answering, counted: int) -> None:
    """A count below the number of words, or as high as num_ctx, means that text was dropped."""
    answering.response = stream(piece("x"), {**DONE, "prompt_eval_count": counted})
    with pytest.raises(PromptTruncated, match="Raise num_ctx in the profile"):
        await chat(answering).complete(ASKED)


async def test_a_missing_count_is_estimated(answering: Answering) -> None:
    """Older servers leave the count out when all was cached; the cost is then an estimate."""
    answering.response = stream(piece("x"), {**DONE, "prompt_eval_count": None})
    assert (await chat(answering).complete(ASKED)).usage.prompt_tokens > 0


async def test_a_missing_model_comes_with_the_line_to_type(answering: Answering) -> None:
    """404 names the model, the node and the pull command."""
    answering.response = JSONResponse({"error": "model 'qwen3:14b' not found"}, 404)
    with pytest.raises(ModelMissing) as caught:
        await chat(answering).complete(ASKED)
    assert "ollama pull qwen3:14b" in str(caught.value)
    assert 'Node "mini"' in str(caught.value)


UNAVAILABLE = {
    "queue full": (JSONResponse({"error": "server busy"}, 503), "is busy: server busy"),
    "load failure": (JSONResponse({"error": "out of memory"}, 500), "failed: out of memory"),
    "a proxy's page": (PlainTextResponse("<html>Bad gateway", 502), "failed: <html>"),
    "a list as error": (PlainTextResponse("[1]", 500), "not Ollama's"),
    "an error in mid-stream": (stream(piece("a"), {"error": "it broke"}), "broke off .*it broke"),
    "an error that is a number": (stream(piece("a"), {"error": "42"}), "not Ollama's"),
    "an end without done": (stream(piece("a"), piece("b")), "too early"),
    "nothing at all": (stream(), "too early"),
    "half a line": (stream(piece("a"), '{"message": {"ro'), "not Ollama's"),
    "a line of another form": (stream({"choices": []}), "not Ollama's"),
    "a line that is no object": (stream("[]\n"), "not Ollama's"),
    "a web page": (PlainTextResponse("<html>"), "not Ollama's"),
}


@pytest.mark.parametrize("case", UNAVAILABLE)
async def test_a_node_that_fails_is_told_plainly(case: str, answering: Answering) -> None:
    """Every failure of a node is ModelUnavailable with its cause, whatever form it takes."""
    answering.response, said = UNAVAILABLE[case]
    with pytest.raises(ModelUnavailable, match=said):
        await chat(answering).complete(ASKED)


async def test_a_connection_that_breaks_is_told_plainly() -> None:
    """A node that dies in mid-stream is unavailable, not a shorter answer."""

    async def die(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        line = json.dumps(piece("a")).encode() + b"\n"
        head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
        writer.write(head + f"{len(line):x}\r\n".encode() + line + b"\r\n")
        await writer.drain()
        writer.close()

    async with await asyncio.start_server(die, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        with pytest.raises(ModelUnavailable, match="does not answer"):
            await OllamaChat(node(f"http://127.0.0.1:{port}"), MODEL).complete(ASKED)


async def test_a_node_that_is_away_is_told_plainly() -> None:
    """A refused connection says what to look at; a password in the URL is not shown."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
        with pytest.raises(ModelUnavailable, match="Is Ollama running there") as caught:
            await OllamaChat(node(f"http://me:secret@127.0.0.1:{port}"), MODEL).complete(ASKED)
    assert "secret" not in str(caught.value)


async def test_a_refused_request_is_not_called_unavailable(answering: Answering) -> None:
    """400 is a matter of options, which trying again does not mend."""
    answering.response = JSONResponse({"error": '"qwen3:14b" does not support thinking'}, 400)
    with pytest.raises(ModelError, match=r"does not support thinking.*profile") as caught:
        await chat(answering).complete(ASKED)
    assert type(caught.value) is ModelError


async def test_prompts_are_not_redirected(answering: Answering) -> None:
    """A prompt goes to the node in the profile and nowhere else."""
    answering.response = RedirectResponse(f"{answering.url}/elsewhere", 307)
    with pytest.raises(ModelError):
        await chat(answering).complete(ASKED)
    assert len(answering.asked) == 1


async def test_cancelling_closes_the_stream(answering: Answering) -> None:
    """The node sees that nobody listens any more, which ends the generation."""
    streaming, closed = asyncio.Event(), asyncio.Event()

    async def endless() -> AsyncIterator[str]:
        try:
            while True:
                yield json.dumps(piece("x")) + "\n"
                streaming.set()
                await asyncio.sleep(0.01)
        finally:
            closed.set()

    answering.response = StreamingResponse(endless())
    task = asyncio.create_task(chat(answering).complete(ASKED))
    await asyncio.wait_for(streaming.wait(), 10)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await asyncio.wait_for(closed.wait(), 10)


async def test_an_error_of_the_listener_is_its_own(answering: Answering) -> None:
    """What on_progress raises is not mistaken for a fault of the node."""

    def listen(_: int) -> None:
        raise ValueError("mine")

    answering.response = stream(piece("a"), DONE)
    with pytest.raises(ValueError, match="mine"):
        await OllamaChat(node(answering.url), MODEL, on_progress=listen).complete(ASKED)


def called(name: str, **arguments: object) -> dict[str, object]:
    """Return one line of a stream that calls a tool."""
    calls = [{"function": {"name": name, "arguments": arguments}}]
    return {"message": {"role": "assistant", "content": "", "tool_calls": calls}, "done": False}


async def test_a_tool_call_is_read(answering: Answering) -> None:
    """Tools are sent with their arguments' types, and what is called comes back as it was read."""
    answering.response = stream(piece("I look."), called("view", path="a.py", end=9), DONE)
    reply = await chat(answering).call(ASKED, TOOLS)
    assert (reply.text, reply.cut, reply.usage.output_tokens) == ("I look.", False, 2)
    assert reply.calls == (ToolCall(name="view", arguments={"path": "a.py", "end": 9}),)
    sent = {tool["function"]["name"]: tool for tool in answering.bodies[0]["tools"]}  # type: ignore[attr-defined]  # JSON as it arrived
    types = {n: p["type"] for n, p in sent["view"]["function"]["parameters"]["properties"].items()}
    assert types == {"path": "string", "start": "integer", "end": "integer"}
    assert set(sent) == {"run", "view", "search", "edit", "create", "submit"}


BROKEN_CALLS = {
    "in mid-stream": stream(piece("a"), {"error": "XML syntax error on line 7: unexpected EOF"}),
    "at once": JSONResponse({"error": "error parsing tool call: raw='{'"}, 500),
    "no tools": JSONResponse({"error": '"qwen3:14b" does not support tools'}, 400),
}


@pytest.mark.parametrize("case", BROKEN_CALLS)
async def test_a_call_that_the_node_cannot_read_is_malformed(
    case: str, answering: Answering
) -> None:
    """What may be about the call ends the calls, not the work; without tools it is a failure."""
    answering.response = BROKEN_CALLS[case]
    with pytest.raises(MalformedReply, match="could not be read: "):
        await chat(answering).call(ASKED, TOOLS)
    with pytest.raises(ModelError) as caught:
        await chat(answering).complete(ASKED)
    assert not isinstance(caught.value, MalformedReply)


async def test_a_node_that_is_busy_is_waited_for_with_tools_too(answering: Answering) -> None:
    """A full queue and a truncated prompt have nothing to do with a call."""
    answering.response = JSONResponse({"error": "server busy"}, 503)
    with pytest.raises(ModelUnavailable, match="is busy"):
        await chat(answering).call(ASKED, TOOLS)
    answering.response = stream(piece("x"), {**DONE, "prompt_eval_count": 3})
    with pytest.raises(PromptTruncated):
        await chat(answering).call(ASKED, TOOLS)
