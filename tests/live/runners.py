"""The models in memory: a llama-server process each, as Ollama has its runners."""

import asyncio
import contextlib
import hashlib
import time
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import httpx
import psutil

from bot.demo.loaded_models import full_name
from bot.serving import listen
from shared.errors import ModelUnavailable
from tests.live.install import LlamaServer

DEFAULT_KEEP_ALIVE = 300.0
_DEFAULT_CONTEXT = 4096
_START_SECONDS = 120.0
_STOP_SECONDS = 10.0
_POLL_SECONDS = 0.02
_PROMPT_CACHE_MIB = 256  # llama-server's own default is 8 GiB


@dataclass(eq=False)
class Runner:
    """A process that holds a model; `users` counts the requests that it works on."""

    model: str
    context: int
    url: str
    process: asyncio.subprocess.Process
    client: httpx.AsyncClient
    keep_alive: float = DEFAULT_KEEP_ALIVE
    users: int = 0
    idle: asyncio.Event = field(default_factory=asyncio.Event)
    expires_at: float = 0.0
    timer: asyncio.TimerHandle | None = None

    @property
    def size(self) -> int:
        """Return the memory that the process takes, in bytes."""
        return int(psutil.Process(self.process.pid).memory_info().rss)

    async def ask(self, path: str) -> Any:  # noqa: ANN401  whatever llama-server says there
        """Return what llama-server answers to a question about itself."""
        return (await self.client.get(path)).raise_for_status().json()

    async def is_busy(self) -> bool:
        """Tell whether a slot is at work."""
        return any(slot["is_processing"] for slot in await self.ask("/slots"))


class Runners:
    """Loads and unloads models under Ollama's rules; all names stand for the same weights."""

    def __init__(self, llama: LlamaServer, models: Sequence[str]) -> None:
        self.llama = llama
        self.models = tuple(full_name(model) for model in models)
        self.loaded: dict[str, Runner] = {}
        self._one_loader = asyncio.Lock()
        self._leaving: set[asyncio.Task[None]] = set()

    @cached_property
    def digest(self) -> str:
        """Return the SHA-256 of the weights."""
        return hashlib.sha256(self.llama.weights.read_bytes()).hexdigest()

    @contextlib.asynccontextmanager
    async def use(
        self, name: str, context: int | None, keep_alive: float | None
    ) -> AsyncIterator[Runner]:
        """Use a model, loaded first if it is not; it leaves when its keep_alive is over.

        Raises ModelUnavailable when it cannot be loaded.
        """
        runner = await self._loaded(full_name(name), context or _DEFAULT_CONTEXT)
        runner.users += 1
        runner.idle.clear()
        if keep_alive is not None:
            runner.keep_alive = keep_alive
        try:
            yield runner
        finally:
            runner.users -= 1
            self._rest(runner)

    def unload(self, name: str) -> None:
        """Let a model go as soon as nobody uses it."""
        if runner := self.loaded.get(full_name(name)):
            runner.keep_alive = 0
            self._rest(runner)

    async def aclose(self) -> None:
        """End all processes."""
        for runner in (*self.loaded.values(),):
            await self._end(runner)
        await asyncio.gather(*self._leaving)

    async def _loaded(self, model: str, context: int) -> Runner:
        async with self._one_loader:
            runner = self.loaded.get(model)
            if runner and runner.context != context:  # another context is another load
                await runner.idle.wait()
                await self._end(runner)
                runner = None
            if runner is None:
                runner = await _start(self.llama, model, context)
                self.loaded[model] = runner
            if runner.timer:
                runner.timer.cancel()
            return runner

    def _rest(self, runner: Runner) -> None:
        if runner.users:
            return
        runner.idle.set()
        if runner.timer:
            runner.timer.cancel()
        runner.expires_at = time.time() + runner.keep_alive
        if runner.keep_alive >= 0:
            loop = asyncio.get_running_loop()
            runner.timer = loop.call_later(runner.keep_alive, self._go, runner)
        else:
            runner.expires_at = 0.0

    def _go(self, runner: Runner) -> None:
        task = asyncio.create_task(self._leave(runner))
        self._leaving.add(task)
        task.add_done_callback(self._leaving.discard)

    async def _leave(self, runner: Runner) -> None:
        async with self._one_loader:
            if not runner.users:
                await self._end(runner)

    async def _end(self, runner: Runner) -> None:
        """End a process; the model shows as loaded until it is gone."""
        if self.loaded.get(runner.model) is not runner:
            return
        await _stop(runner.process)
        await runner.client.aclose()
        del self.loaded[runner.model]


async def _start(llama: LlamaServer, model: str, context: int) -> Runner:
    at = listen()
    at.socket.close()  # llama-server binds it itself
    port = at.url.rpartition(":")[2]
    process = await asyncio.create_subprocess_exec(
        *(str(llama.binary), "--model", str(llama.weights), "--ctx-size", str(context)),
        *("--host", "127.0.0.1", "--port", port, "--offline", "--no-ui"),
        # One slot and batches of 512 tokens, as Ollama has them by default; llama-server looks
        # for a cancelled request between two batches.
        *("--parallel", "1", "--batch-size", "512"),
        *("--slots", "--cache-ram", str(_PROMPT_CACHE_MIB)),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL,
        env=llama.environment,
    )
    client = httpx.AsyncClient(base_url=at.url, timeout=_START_SECONDS, trust_env=False)
    runner = Runner(model, context, at.url, process, client)
    try:
        async with asyncio.timeout(_START_SECONDS):
            await _until_healthy(runner, llama.binary)
    except BaseException:
        await _stop(process)
        await client.aclose()
        raise
    return runner


async def _until_healthy(runner: Runner, binary: Path) -> None:
    while runner.process.returncode is None:
        with contextlib.suppress(httpx.TransportError):
            if (await runner.client.get("/health")).is_success:
                return
        await asyncio.sleep(_POLL_SECONDS)
    raise ModelUnavailable(
        f"llama-server ended at its start with exit code {runner.process.returncode}. "
        f"Try it by hand: {binary} --version"
    )


async def _stop(process: asyncio.subprocess.Process) -> None:
    with contextlib.suppress(ProcessLookupError):
        process.terminate()
    try:
        async with asyncio.timeout(_STOP_SECONDS):
            await process.wait()
    except TimeoutError:
        process.kill()
        await process.wait()
