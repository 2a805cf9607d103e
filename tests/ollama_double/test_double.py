import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import httpx
import ollama
import pytest

from shared.chat import Message, Speaker
from shared.errors import ModelUnavailable, PromptTruncated
from shared.ollama import OllamaChat
from shared.profiles import ModelSpec, Node
from tests.ollama_double.clock import GRACE, START, VirtualClock
from tests.ollama_double.node import Failure, Machine, OllamaNode
from tests.ollama_double.server import OllamaDouble

SMALL = ModelSpec(name="small:7b", node="mini", size_gb=5, num_ctx=4096)
MIDDLE = ModelSpec(name="middle:30b", node="mini", size_gb=20, num_ctx=4096)
LARGE = ModelSpec(name="large:80b", node="mini", size_gb=52, num_ctx=4096)
MACHINE = Machine(memory_gb=56)
HELLO = [{"role": "user", "content": "hello"}]
OPTIONS = {"num_ctx": 4096}


@pytest.fixture
def clock() -> VirtualClock:
    """A clock that jumps."""
    return VirtualClock(grace=GRACE)


@asynccontextmanager
async def opened(
    clock: VirtualClock, machine: Machine = MACHINE
) -> AsyncIterator[tuple[OllamaDouble, ollama.AsyncClient]]:
    """Open a double and the real client for it."""
    double = OllamaDouble(OllamaNode(clock, (SMALL, MIDDLE, LARGE), machine))
    async with double, ollama.AsyncClient(host=double.url, trust_env=False, timeout=60) as client:
        yield double, client


def on(
    clock: VirtualClock, test: Callable[[OllamaDouble, ollama.AsyncClient], Awaitable[None]]
) -> None:
    """Run a test against a double of a machine with 56 GB."""

    async def run() -> None:
        async with opened(clock) as (double, client):
            await test(double, client)

    clock.run(run())


async def say(
    client: ollama.AsyncClient, model: ModelSpec, keep_alive: str | int | None = None
) -> ollama.ChatResponse:
    """Ask a model for a reply."""
    return await client.chat(model.name, HELLO, options=OPTIONS, keep_alive=keep_alive)


async def names(client: ollama.AsyncClient) -> list[str | None]:
    """Return what /api/ps shows."""
    return [model.name for model in (await client.ps()).models]


def begin(work: Awaitable[object]) -> asyncio.Task[object]:
    """Start work beside the test."""
    return asyncio.ensure_future(work)


def test_ten_minutes_pass_in_a_moment(clock: VirtualClock) -> None:
    """A hundred calls in turn take their virtual time, and the replies arrive by real HTTP."""

    async def test(double: OllamaDouble, client: ollama.AsyncClient) -> None:
        double.reply = lambda _: "word " * 120
        for _ in range(100):
            assert (await say(client, SMALL)).message.content == "word " * 120
        assert clock() - START == pytest.approx(5 + 100 * (6 + 1 / 500), abs=1)

    on(clock, test)


def test_a_model_shows_once_it_is_loaded(clock: VirtualClock) -> None:
    """/api/ps is empty while a model loads; loading takes time by size; its end shows there."""

    async def test(double: OllamaDouble, client: ollama.AsyncClient) -> None:
        loading = begin(client.generate(LARGE.name, keep_alive="10m", options=OPTIONS))
        await clock.sleep(51)
        assert await names(client) == []
        assert double.node.used_gb == 52
        await clock.sleep(2)
        assert await names(client) == [LARGE.name]
        await loading
        shown = (await client.ps()).models[0]
        assert (shown.context_length, shown.size) == (4096, 52_000_000_000)
        assert shown.expires_at is not None
        assert shown.expires_at.timestamp() - START == pytest.approx(652, abs=2)

    on(clock, test)


def test_the_reply_to_an_unload_is_no_proof(clock: VirtualClock) -> None:
    """The reply comes at once, the memory later."""

    async def test(double: OllamaDouble, client: ollama.AsyncClient) -> None:
        await say(client, SMALL)
        assert (await client.generate(SMALL.name, keep_alive=0)).done_reason == "unload"
        assert await names(client) == [SMALL.name]
        await clock.sleep(3)
        assert await names(client) == []
        assert double.node.used_gb == 0

    on(clock, test)


def test_room_is_made_by_the_shortest_keep_alive(clock: VirtualClock) -> None:
    """Idle models leave, those with the shortest keep_alive first; for ever does not pin."""

    async def test(double: OllamaDouble, client: ollama.AsyncClient) -> None:
        await say(client, MIDDLE, "2h")
        await say(client, SMALL, -1)
        await say(client, LARGE)
        left = [event.model for event in double.node.events if event.what == "unloaded"]
        assert left == [MIDDLE.name, SMALL.name]
        assert await names(client) == [LARGE.name]
        assert double.node.peak_gb <= 56
        assert double.node.switches == 1

    on(clock, test)


def test_what_is_in_use_is_waited_for(clock: VirtualClock) -> None:
    """A load that needs the room of a busy model begins after its reply."""

    async def test(double: OllamaDouble, client: ollama.AsyncClient) -> None:
        double.reply = lambda _: "word " * 400
        busy = begin(say(client, MIDDLE))
        await clock.sleep(22)
        double.reply = lambda _: "ok"
        await say(client, LARGE)
        assert busy.done()
        times = {(event.what, event.model): event.at - START for event in double.node.events}
        assert times["unload", MIDDLE.name] == pytest.approx(40, abs=1)
        assert times["load", LARGE.name] == pytest.approx(42, abs=1)

    on(clock, test)


def test_an_eviction_is_lost_to_a_new_request(clock: VirtualClock) -> None:
    """A request with a keep_alive for a model whose eviction is pending keeps it loaded."""

    async def test(double: OllamaDouble, client: ollama.AsyncClient) -> None:
        double.reply = lambda _: "word " * 200
        busy = begin(say(client, MIDDLE, "10m"))
        await clock.sleep(22)
        waiting = begin(say(client, LARGE))
        await clock.sleep(1)
        await say(client, MIDDLE, "10m")
        await busy
        await clock.sleep(300)
        assert not waiting.done()
        assert await names(client) == [MIDDLE.name]
        await waiting
        assert clock() - START > 600

    on(clock, test)


def test_loads_follow_each_other(clock: VirtualClock) -> None:
    """There is one loader: the second model begins when the first one is in."""

    async def test(double: OllamaDouble, client: ollama.AsyncClient) -> None:
        await asyncio.gather(say(client, MIDDLE), say(client, SMALL))
        loads = [(e.what, e.at - START) for e in double.node.events]
        assert [what for what, _ in loads] == ["load", "loaded"] * 2
        assert loads[2][1] >= loads[1][1]

    on(clock, test)


def test_another_context_reloads_the_model(clock: VirtualClock) -> None:
    """A second num_ctx unloads and loads; no num_ctx means one that goes by the memory."""

    async def test(double: OllamaDouble, client: ollama.AsyncClient) -> None:
        await say(client, SMALL)
        await client.chat(SMALL.name, HELLO)
        whats = [event.what for event in double.node.events]
        assert whats == ["load", "loaded", "unload", "unloaded", "load", "loaded"]
        assert (await client.ps()).models[0].context_length == 262144

    on(clock, test)


def test_a_long_prompt_is_cut_in_silence(clock: VirtualClock) -> None:
    """The oldest messages go, the system's stays; only prompt_eval_count tells."""

    async def test(double: OllamaDouble, client: ollama.AsyncClient) -> None:
        double.reply = lambda messages: " ".join(m["content"][:6] for m in messages)
        system = {"role": "system", "content": "system"}
        oldest = {"role": "user", "content": "oldest " * 4000}
        latest = {"role": "user", "content": "latest " * 200}
        said = await client.chat(SMALL.name, [system, oldest, latest], options=OPTIONS)
        assert said.message.content == "system latest"
        assert said.prompt_eval_count == 201
        chat = OllamaChat(Node(name="mini", url=double.url, memory_gb=56), SMALL)
        with pytest.raises(PromptTruncated):
            await chat.complete([Message(role=Speaker.USER, content="word " * 5000)])

    on(clock, test)


def test_refusals_have_their_status(clock: VirtualClock) -> None:
    """404 for an unknown model, 500 for one that does not start or does not fit."""

    async def test(double: OllamaDouble, client: ollama.AsyncClient) -> None:
        double.node.broken.add(MIDDLE.name)
        for model, status in (("none", 404), (MIDDLE.name, 500), (LARGE.name, 500)):
            with pytest.raises(ollama.ResponseError) as caught:
                await client.chat(model, HELLO, options={"num_ctx": 4096})
            assert caught.value.status_code == status

    async def run() -> None:
        async with opened(clock, Machine(memory_gb=30)) as (double, client):
            await test(double, client)

    clock.run(run())


def test_a_full_queue_refuses(clock: VirtualClock) -> None:
    """More requests than the queue takes are answered 503."""

    async def run() -> None:
        async with opened(clock, Machine(memory_gb=56, max_queue=1)) as (_, client):
            calls = [begin(say(client, LARGE))]
            await clock.sleep(1)
            calls.append(begin(say(client, SMALL)))
            await clock.sleep(1)
            with pytest.raises(ollama.ResponseError) as caught:
                await say(client, MIDDLE)
            assert caught.value.status_code == 503
            await asyncio.gather(*calls)

    clock.run(run())


def test_an_error_in_mid_stream_is_a_line(clock: VirtualClock) -> None:
    """The status is 200, and the last line names the error."""

    async def test(double: OllamaDouble, client: ollama.AsyncClient) -> None:
        double.reply = lambda _: "one two three"
        double.breaks_after = 2
        async with httpx.AsyncClient(base_url=double.url, trust_env=False) as plain:
            answer = await plain.post("/api/chat", json={"model": SMALL.name, "messages": HELLO})
        assert answer.status_code == 200
        assert answer.text.splitlines()[-1].startswith('{"error"')
        chat = OllamaChat(Node(name="mini", url=double.url, memory_gb=56), SMALL)
        with pytest.raises(ModelUnavailable, match="broke off"):
            await chat.complete([Message(role=Speaker.USER, content="hello")])

    on(clock, test)


def test_a_client_that_leaves_aborts_the_load(clock: VirtualClock) -> None:
    """The memory of a half-loaded model is given back when nobody waits for it any more."""

    async def test(double: OllamaDouble, client: ollama.AsyncClient) -> None:
        leaving = begin(say(client, LARGE))
        await clock.sleep(20)
        leaving.cancel()
        await asyncio.gather(leaving, return_exceptions=True)
        await clock.sleep(1)
        assert double.node.events[-1].what == "abort"
        assert (await say(client, SMALL)).message.content == "ok"
        assert double.node.used_gb == 5

    on(clock, test)


def test_a_client_that_leaves_ends_its_reply(clock: VirtualClock) -> None:
    """A model whose client left in mid-stream is idle again."""

    async def test(double: OllamaDouble, client: ollama.AsyncClient) -> None:
        double.reply = lambda _: "word " * 2000
        leaving = begin(
            OllamaChat(Node(name="mini", url=double.url, memory_gb=56), SMALL).complete(
                [Message(role=Speaker.USER, content="hello")]
            )
        )
        await clock.sleep(30)
        assert double.node.running()[0].refs == 1
        leaving.cancel()
        await asyncio.gather(leaving, return_exceptions=True)
        await clock.sleep(15)
        assert double.node.running()[0].refs == 0

    on(clock, test)


def test_a_node_that_vanishes_breaks_its_streams(clock: VirtualClock) -> None:
    """Whoever is listening, loading or asking hears it; afterwards the node answers again."""

    async def test(double: OllamaDouble, client: ollama.AsyncClient) -> None:
        double.reply = lambda _: "word " * 2000
        node = Node(name="mini", url=double.url, memory_gb=56)
        hello = [Message(role=Speaker.USER, content="hello")]
        streaming = begin(OllamaChat(node, SMALL).complete(hello))
        await clock.sleep(20)
        loading = begin(OllamaChat(node, MIDDLE).complete(hello))
        await clock.sleep(5)
        await double.vanish(forgets=True)
        ends = await asyncio.gather(streaming, loading, return_exceptions=True)
        assert [type(end) for end in ends] == [ModelUnavailable] * 2
        with pytest.raises(ConnectionError):
            await client.ps()
        await double.come_back()
        assert await names(client) == []
        assert double.node.used_gb == 0

    on(clock, test)


def test_the_model_of_the_node_counts_the_same(clock: VirtualClock) -> None:
    """Without HTTP the node refuses in the same way."""

    async def run() -> None:
        async with OllamaNode(clock, (SMALL,), MACHINE) as node:
            with pytest.raises(Failure, match="not found"):
                await node.take("none")

    clock.run(run())
