"""GitHub's stand-in in a process of its own, so that its work is not taken for the gateway's."""

import asyncio
import contextlib
import multiprocessing
from collections.abc import AsyncIterator

import psutil

from bot.demo.forge import create_forge
from bot.demo.forge.config import ForgeConfig
from bot.running import keep_modules
from bot.serving import Listener, serve


class ForgeApart:
    """A forge that another process runs."""

    def __init__(self) -> None:
        self._pid = 0

    @contextlib.asynccontextmanager
    async def opened(self, config: ForgeConfig, gate: Listener) -> AsyncIterator[None]:
        """Let it answer at an address for as long as the context is open."""
        # Who asks before it is up waits in the socket's line.
        gate.socket.listen()
        process = multiprocessing.get_context("spawn").Process(target=_answer, args=(config, gate))
        process.start()
        gate.socket.close()
        assert process.pid is not None
        self._pid = process.pid
        try:
            yield
        finally:
            process.terminate()
            process.join()  # at once; the engine has closed the loop's threads

    def processor(self) -> float:
        """Return the seconds of a processor that it has taken, with the gits that it ran."""
        return sum(psutil.Process(self._pid).cpu_times()[:4])


def _answer(config: ForgeConfig, gate: Listener) -> None:
    keep_modules()
    asyncio.run(_forever(config, gate))


async def _forever(config: ForgeConfig, gate: Listener) -> None:
    async with serve(create_forge(config), gate):
        await asyncio.Event().wait()
