"""The gateway as a process of its own, started again when it dies: `kill -9` it and watch."""

import asyncio
import contextlib
import os
import sys
from collections.abc import AsyncIterator, Callable, Mapping
from pathlib import Path

import httpx

from shared.errors import ConfigurationError

_START_SECONDS = 30.0
_POLL_SECONDS = 0.1
_STOP_SECONDS = 10.0
# What a gateway inherits: enough to find programs, certificates and the package index.
_INHERITED = ("PATH", "HOME", "LANG", "LC_", "TZ", "TMPDIR", "SSL_CERT_", "XDG_", "UV_", "NO_PROXY")


class Gateway:
    """A running ``baton serve``."""

    def __init__(self, env_file: Path, log_file: Path, url: str) -> None:
        self._env_file = env_file
        self._log_file = log_file
        self._process: asyncio.subprocess.Process | None = None
        self._stopping = False
        self.url = url
        self.restarts = 0

    @property
    def pid(self) -> int:
        """Return the number of the present process."""
        return self._process.pid if self._process else 0

    async def start(self) -> None:
        """Start the process and wait until it answers.

        Raises ConfigurationError with the end of its log when it does not come up.
        """
        with self._log_file.open("ab") as log:
            self._process = await asyncio.create_subprocess_exec(
                sys.executable,
                "-P",
                "-m",
                "bot",
                "serve",
                "--env-file",
                str(self._env_file),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=_environment(),
                start_new_session=True,
            )
        await self._wait_until_it_answers(self._process)

    async def keep_alive(self, on_restart: Callable[[int], None]) -> None:
        """Start the process again whenever it ends by itself."""
        while not self._stopping:
            assert self._process is not None
            await self._process.wait()
            if not self._stopping:
                self.restarts += 1
                await self.start()
                on_restart(self.pid)

    async def stop(self) -> None:
        """End the process, politely first."""
        self._stopping = True
        process = self._process
        if process is None or process.returncode is not None:
            return
        process.terminate()
        try:
            await asyncio.wait_for(process.wait(), _STOP_SECONDS)
        except TimeoutError:
            process.kill()
            await process.wait()

    async def _wait_until_it_answers(self, process: asyncio.subprocess.Process) -> None:
        async with httpx.AsyncClient(trust_env=False) as client:
            for _ in range(int(_START_SECONDS / _POLL_SECONDS)):
                if process.returncode is not None:
                    break
                with contextlib.suppress(httpx.TransportError):
                    if (await client.get(f"{self.url}/healthz")).is_success:
                        return
                await asyncio.sleep(_POLL_SECONDS)
        raise ConfigurationError(f"The gateway did not start. {self._end_of_log()}")

    def _end_of_log(self) -> str:
        """Return the gateway's own complaint, or the last lines where it made none."""
        lines = self._log_file.read_text("utf-8", "replace").splitlines()
        complaints = [line.removeprefix("baton: ") for line in lines if line.startswith("baton: ")]
        return complaints[-1] if complaints else "Its log ends so:\n" + "\n".join(lines[-8:])


def _environment() -> Mapping[str, str]:
    return {name: value for name, value in os.environ.items() if name.startswith(_INHERITED)}


@contextlib.asynccontextmanager
async def run_gateway(
    env_file: Path, log_file: Path, url: str, *, on_restart: Callable[[int], None]
) -> AsyncIterator[Gateway]:
    """Keep a gateway running while the context is open."""
    gateway = Gateway(env_file, log_file, url)
    keeper: asyncio.Task[None] | None = None
    try:
        await gateway.start()
        keeper = asyncio.create_task(gateway.keep_alive(on_restart))
        yield gateway
    finally:
        await gateway.stop()
        if keeper is not None:
            keeper.cancel()
            await asyncio.gather(keeper, return_exceptions=True)
