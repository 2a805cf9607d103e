from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import ollama
import pytest

from bot.demo.loaded_models import keep_alive_seconds
from bot.demo.recorded_model import create_recorded_model
from bot.demo.recording import Entry, Recording
from bot.serving import serve
from shared.chat import Message, Speaker, fewest_tokens
from shared.domain import Role
from shared.errors import ConfigurationError, ModelMissing, ModelUnavailable, PromptTruncated
from shared.ollama import OllamaChat, check_models
from shared.profiles import ModelSpec
from tests.models.conftest import MODEL, node

SMALL = ModelSpec(name="small", node="mini", size_gb=1, num_ctx=64)
SYSTEM = Message(role=Speaker.SYSTEM, content="# Router\n\nYou sort issues.")
TASK = Message(role=Speaker.USER, content="Attempt 2 of 3\nSort this.")
SAID = Message(role=Speaker.ASSISTANT, content="no")
RECORDING = Recording(
    entries=(
        Entry(role=Role.ROUTER, when=("Attempt 2", "Sort"), reply='{"a": "second"}'),
        Entry(role=Role.ROUTER, reply='{"a": "first"}'),
        Entry(role=Role.ROUTER, turn=1, reply="not JSON,\n  but 한국어"),
    )
)


@pytest.fixture
async def url() -> AsyncIterator[str]:
    """Give a recorded node with two models."""
    async with serve(create_recorded_model(RECORDING, models=(MODEL, SMALL))) as url:
        yield url


@pytest.fixture
async def client(url: str) -> AsyncIterator[ollama.AsyncClient]:
    """Give the real client for it."""
    async with ollama.AsyncClient(host=url) as client:
        yield client


async def loaded(client: ollama.AsyncClient) -> list[str | None]:
    """Return what is in memory."""
    return [model.model for model in (await client.ps()).models]


async def test_the_reply_depends_on_role_turn_and_text(url: str) -> None:
    """The first entry that fits answers; the same question gets the same answer again."""
    chat = OllamaChat(node(url), MODEL)
    other = Message(role=Speaker.USER, content="Attempt 1 of 3")
    for _ in range(2):
        assert (await chat.complete([SYSTEM, TASK])).text == '{"a": "second"}'
        assert (await chat.complete([SYSTEM, other])).text == '{"a": "first"}'
        assert (await chat.complete([SYSTEM, TASK, SAID])).text == "not JSON,\n  but 한국어"


async def test_usage_follows_what_was_sent(url: str) -> None:
    """Longer prompts and replies count more tokens, never fewer than words."""
    chat = OllamaChat(node(url), MODEL)
    short = await chat.complete([SYSTEM, TASK])
    long = await chat.complete([SYSTEM, TASK, Message(role=Speaker.USER, content="word " * 99)])
    assert short.usage.prompt_tokens >= fewest_tokens([SYSTEM, TASK])
    assert long.usage.prompt_tokens == short.usage.prompt_tokens + 99
    assert short.usage.output_tokens > 0
    assert short.usage.seconds > 0


async def test_a_prompt_beyond_num_ctx_is_truncated_there_too(url: str) -> None:
    """The recorded node counts no more than num_ctx, as a real one, and the client notices."""
    signs = Message(role=Speaker.USER, content="- " * 100)
    with pytest.raises(PromptTruncated):
        await OllamaChat(node(url), SMALL).complete([SYSTEM, signs])


async def test_the_client_reads_whole_replies_too(client: ollama.AsyncClient) -> None:
    """Without streaming there is one JSON object with the usage in it."""
    messages = [{"role": m.role.value, "content": m.content} for m in (SYSTEM, TASK)]
    whole = await client.chat("qwen3:14b", messages)
    assert whole.message.content == '{"a": "second"}'
    assert whole.done_reason == "stop"
    assert (whole.eval_count or 0) > 0


async def test_a_format_wants_json(url: str) -> None:
    """A recorded reply that breaks the form asked for is a fault of the recording."""
    chat = OllamaChat(node(url), MODEL)
    assert (await chat.complete([SYSTEM, TASK], schema={"type": "object"})).text
    with pytest.raises(ModelUnavailable, match="not JSON"):
        await chat.complete([SYSTEM, TASK, SAID], schema={"type": "object"})


@pytest.mark.parametrize(
    ("messages", "said"),
    [
        ([SYSTEM, TASK, SAID, TASK, SAID, TASK], "role router, turn 2.*begins: Attempt 2"),
        ([SYSTEM.model_copy(update={"content": "# Coder"}), TASK], 'this one is "# Coder"'),
        ([TASK], "by the first line"),
    ],
)
async def test_what_is_not_recorded_is_said(messages: list[Message], said: str, url: str) -> None:
    """Whoever writes a recording reads role, turn and the start of the last message."""
    with pytest.raises(ModelUnavailable, match=said):
        await OllamaChat(node(url), MODEL).complete(messages)


async def test_an_unknown_model_is_missing(url: str, client: ollama.AsyncClient) -> None:
    """404 in Ollama's form, for chats, loads and descriptions."""
    unknown = MODEL.model_copy(update={"name": "nobody:1b"})
    with pytest.raises(ModelMissing, match="ollama pull nobody:1b"):
        await OllamaChat(node(url), unknown).complete([SYSTEM, TASK])
    for call in (client.generate("nobody:1b"), client.show("nobody:1b")):
        with pytest.raises(ollama.ResponseError, match="model 'nobody:1b' not found") as caught:
            await call
        assert caught.value.status_code == 404


async def test_models_are_loaded_by_use_and_unloaded_by_zero(client: ollama.AsyncClient) -> None:
    """Only what is in memory shows in ps; an empty request loads, keep_alive 0 unloads."""
    assert await loaded(client) == []
    assert (await client.generate("qwen3:14b", keep_alive=-1)).done_reason == "load"
    assert (await client.chat("small")).done_reason == "load"
    assert await loaded(client) == ["qwen3:14b", "small:latest"]
    assert (await client.generate("qwen3:14b", keep_alive=0)).done_reason == "unload"
    assert await loaded(client) == ["small:latest"]
    assert (await client.chat("small", keep_alive="0")).done_reason == "unload"
    assert await loaded(client) == []


async def test_a_loaded_model_tells_its_size_and_context(
    url: str, client: ollama.AsyncClient
) -> None:
    """What the scheduler will read is there: sizes, context length and expiry."""
    await OllamaChat(node(url), MODEL).complete([SYSTEM, TASK])
    running = (await client.ps()).models[0]
    assert running.size == running.size_vram == int(MODEL.memory_gb * 10**9)
    assert running.context_length == 4096
    assert running.expires_at is not None
    shown = await client.show("qwen3:14b")
    assert shown.capabilities == ["completion"]


async def test_a_keep_alive_that_is_none_is_refused(client: ollama.AsyncClient) -> None:
    """A number as a text has no unit; Ollama refuses it, and so does the recording."""
    with pytest.raises(ollama.ResponseError, match="invalid duration") as caught:
        await client.generate("small", keep_alive="-1")
    assert caught.value.status_code == 400


@pytest.mark.parametrize(
    ("value", "seconds"),
    [(5, 5), (-1, -1), ("30m", 1800), ("1h30m", 5400), ("0", 0), ("250ms", 0.25), ("-1s", -1)],
)
def test_durations_are_read_as_ollama_does(value: str | int, seconds: float) -> None:
    """Seconds as a number, or Go's durations as a text."""
    assert keep_alive_seconds(value) == seconds


async def test_a_malformed_request_is_told(url: str) -> None:
    """What is no request is answered in Ollama's error form."""
    async with httpx.AsyncClient(base_url=url) as http:
        answer = await http.post("/api/chat", json={"messages": []})
    assert answer.status_code == 400
    assert answer.json() == {"error": "Field required"}


async def test_a_node_is_checked_before_use(url: str) -> None:
    """Version and missing models are told, with one line to type for each."""
    check = await check_models(node(url), ["qwen3:14b", "small", "qwen2.5:7b", "qwen2.5:7b"])
    assert check.version.endswith("recording")
    assert check.missing == ("qwen2.5:7b",)
    assert "ollama pull qwen2.5:7b" in check.advice
    assert (await check_models(node(url), ["small:latest"])).advice == ""


async def test_a_node_that_is_none_is_told(url: str) -> None:
    """Something that is not Ollama, or nothing, is ModelUnavailable."""
    with pytest.raises(ModelUnavailable, match="HTTP 404"):
        await check_models(node(f"{url}/elsewhere"), [])
    with pytest.raises(ModelUnavailable, match="does not answer"):
        await check_models(node("http://127.0.0.1:9"), [])


def test_a_recording_is_a_folder_of_replies(tmp_path: Path) -> None:
    """Files are read by name; a reply is kept raw, fences and rules in it included."""
    head = '+++\nrole = "coder"\nturn = 2\nwhen = ["Attempt 2"]\n+++\n'
    (tmp_path / "020-b.md").write_text(f"{head}\nFirst.\n\n```run\nls\n+++\n```\n\n")
    (tmp_path / "010-a.md").write_text('+++\nrole = "tester"\n+++\nx')
    first, second = Recording.load(tmp_path).entries
    assert first == Entry(role=Role.TESTER, reply="x")
    assert second == Entry(
        role=Role.CODER, turn=2, when=("Attempt 2",), reply="First.\n\n```run\nls\n+++\n```"
    )


@pytest.mark.parametrize(
    "text",
    [
        "",
        "x",
        "+++\nrole = 'coder'\n",
        "+++\nrole = 'boss'\n+++\nx",
        "+++\nrole\n+++\nx",
        "+++\n+++\nx",
    ],
)
def test_a_broken_recording_names_its_file(text: str, tmp_path: Path) -> None:
    """A fault in a recording is told with the file it stands in."""
    (tmp_path / "a.md").write_text(text)
    with pytest.raises(ConfigurationError, match=r"a\.md is not a recorded reply"):
        Recording.load(tmp_path)


def test_an_empty_recording_is_told(tmp_path: Path) -> None:
    """A wrong folder is noticed when it is loaded, not at the first question."""
    with pytest.raises(ConfigurationError, match="holds no recorded replies"):
        Recording.load(tmp_path)
