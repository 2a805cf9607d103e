"""What the sandbox costs: one ``true`` inside of it against a plain subprocess."""

import asyncio
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

from shared.sandbox import Command, Sandbox, open_sandbox

ROUNDS = 100
FILES = 5_000


async def main() -> None:
    sandbox = open_sandbox(allow_root=True)
    true = Command(argv=("true",))
    with tempfile.TemporaryDirectory() as directory:
        empty, full = Path(directory, "empty"), Path(directory, "full")
        fill(empty, 0)
        fill(full, FILES)
        plain = await timed(run_plainly)
        contained = await timed(lambda: contain(sandbox, true, empty))
        large = await timed(lambda: contain(sandbox, true, full))
    print("| one `true` | median | 95 % |")
    print("|---|---:|---:|")
    for name, times in (
        ("plain subprocess", plain),
        (f"{sandbox.name}, empty workspace", contained),
        (f"{sandbox.name}, workspace of {FILES} files", large),
    ):
        print(f"| {name} | {statistics.median(times):.2f} ms | {percentile(times):.2f} ms |")
    bwrap_ms, plain_ms = statistics.median(contained), statistics.median(plain)
    print(
        f"\nsandbox: bwrap_ms={bwrap_ms:.2f} plain_ms={plain_ms:.2f} "
        f"ratio={bwrap_ms / plain_ms:.1f}"
    )


async def timed(call: Callable[[], Awaitable[None]]) -> list[float]:
    """Return how long each of a hundred calls took, in milliseconds, after one to warm up."""
    await call()
    times = []
    for _ in range(ROUNDS):
        start = time.perf_counter()
        await call()
        times.append((time.perf_counter() - start) * 1000)
    return times


async def run_plainly() -> None:
    process = await asyncio.create_subprocess_exec("true", stdin=subprocess.DEVNULL)
    if await process.wait() != 0:
        sys.exit("true has failed")


async def contain(sandbox: Sandbox, command: Command, workspace: Path) -> None:
    if not (await sandbox.run(command, workspace)).ok:
        sys.exit("true has failed in the sandbox")


def fill(directory: Path, files: int) -> None:
    directory.mkdir()
    for number in range(files):
        place = directory / str(number % 100)
        place.mkdir(exist_ok=True)
        (place / f"{number}.txt").write_text("x")


def percentile(times: list[float]) -> float:
    return statistics.quantiles(times, n=20)[-1]


if __name__ == "__main__":
    asyncio.run(main())
