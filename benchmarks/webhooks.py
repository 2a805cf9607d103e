"""How fast a signed delivery is stored and acknowledged, beside Probot on the same deliveries.

Baton's real route on uvicorn in a process of its own stores by DBOS on SQLite: the durable enqueue
is committed before the 202, while the engine handles what was accepted before (a workflow that
reads the delivery back). What works on issues is loaded in neither server. Probot (npm), with a
handler that does nothing, keeps nothing: a delivery that it has acknowledged is lost with the
process. Both check the same signature.

Each server has one core to itself and the client, over kept-alive connections, another one, where
the system lets processes be bound to cores. The deliveries are GitHub's example of `issues.opened`
(11 kB, @octokit/webhooks-examples), for sixteen issues in turn. About 40 s in all; other work on
the machine shows, so take the best of several runs.
"""

import argparse
import asyncio
import contextlib
import gzip
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import NamedTuple

import psutil
from dbos import DBOS
from fastapi import FastAPI
from pydantic import JsonValue, SecretStr

from benchmarks._webhooks_load import CONNECTIONS, Answers, at_full_speed, at_rate, requests
from bot import engine
from bot.inbox import store
from bot.running import keep_modules
from bot.serving import serve
from tests.nodejs import PROBOT, install
from webhooks.delivery import Accepted, Delivery
from webhooks.routes import create_router

SECRET = SecretStr("a webhook secret for the benchmark")
SECONDS = 5.0
RATE = 100  # deliveries a second, twenty times what a busy organisation sends
ISSUES = 16
ROOT = Path(__file__).parents[1]
EXAMPLES = ROOT / "tests" / "data" / "webhooks" / "payloads.json.gz"
PROBOT_SERVER = ROOT / "benchmarks" / "webhooks_probot" / "server.mjs"


class Figures(NamedTuple):
    """What was measured of one server."""

    name: str
    steady: Answers
    full: Answers
    rss: float  # MB, resident after the load


def bodies() -> Sequence[bytes]:
    """Return the example of `issues.opened`, once for each of the issues."""
    examples = json.loads(gzip.decompress(EXAMPLES.read_bytes()))
    opened = next(one for one in examples["issues"] if one["action"] == "opened")
    return [
        json.dumps({**opened, "issue": {**opened["issue"], "number": number}}).encode()
        for number in range(1, ISSUES + 1)
    ]


@DBOS.workflow(name="benchmark_delivery")
async def handle(raw: dict[str, JsonValue]) -> None:
    """Read the delivery back, as the bot's own handler does first."""
    Delivery.model_validate(raw)


async def accept(delivery: Delivery) -> Accepted:
    """Store a delivery the way the bot does."""
    return await store(delivery, handle)


async def serve_until_told() -> None:
    """Serve on a free port, print it, and stop at the end of standard input."""
    keep_modules()
    with tempfile.TemporaryDirectory() as home:
        await engine.launch(Path(home) / "engine.db")
        app = FastAPI()
        app.include_router(create_router(SECRET, accept))
        async with serve(app) as url:
            print(url, flush=True)
            await asyncio.to_thread(sys.stdin.read)
        await engine.stop()


def bind(pid: int, core: int) -> None:
    """Keep a process on one core, where the system can and has another for the other side."""
    process = psutil.Process(pid)
    if hasattr(process, "cpu_affinity") and len(process.cpu_affinity()) > 1:
        process.cpu_affinity([core])


@contextlib.asynccontextmanager
async def started(*command: str) -> AsyncIterator[tuple[str, int]]:
    """Run a server; yield its address and process id."""
    server = await asyncio.create_subprocess_exec(
        *command, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, cwd=ROOT
    )
    assert server.stdout is not None
    assert server.stdin is not None
    bind(server.pid, 0)
    try:
        yield (await server.stdout.readline()).decode().strip(), server.pid
    finally:
        server.stdin.close()
        await server.wait()


async def measure(name: str, *command: str) -> Figures:
    """Start a server and load it, gently first."""
    feed = requests(bodies(), SECRET)
    async with started(*command) as (url, pid):
        await at_full_speed(url, feed, 0.5)  # warm up
        await asyncio.sleep(2)
        steady = await at_rate(url, feed, RATE, SECONDS)
        full = await at_full_speed(url, feed, SECONDS)
        return Figures(name, steady, full, psutil.Process(pid).memory_info().rss / 1e6)


async def main(*, alone: bool) -> None:
    """Measure and print."""
    if hasattr(os, "sched_getaffinity"):
        bind(os.getpid(), max(os.sched_getaffinity(0)))
    ours = await measure("baton", sys.executable, "-m", "benchmarks.webhooks", "--serve")
    figures = [ours]
    if not alone:
        try:
            node = install(PROBOT)
        except (OSError, subprocess.SubprocessError) as error:
            print(f"Probot cannot be had ({type(error).__name__}); measuring Baton alone.\n")
        else:
            command = node.command(PROBOT_SERVER, SECRET.get_secret_value())
            name = f"probot {PROBOT['probot']}"
            figures.append(await measure(name, *command))
    show(figures)


def show(figures: Sequence[Figures]) -> None:
    """Print a table, and the line that people compare."""
    print(f"| server | p50 ms at {RATE}/s | p99 ms | most a second | p50 ms | p99 ms | MB |")
    print("|---|---:|---:|---:|---:|---:|---:|")
    for one in figures:
        calm, full = one.steady, one.full
        print(
            f"| {one.name} | {calm.percentile(50):.1f} | {calm.percentile(99):.1f} "
            f"| {full.per_second:.0f} | {full.percentile(50):.1f} | {full.percentile(99):.1f} "
            f"| {one.rss:.0f} |"
        )
    print(
        f"\nMost a second: over {CONNECTIONS} connections. Baton's are on disk; Probot's are not."
    )
    ours, *others = figures
    most = ours.full.per_second
    ratio = f"{most / others[0].full.per_second:.3f}" if others else "unknown"
    print(
        f"webhooks: durable_per_s={most:.0f} rate_ratio={ratio} "
        f"p99_ms={ours.steady.percentile(99):.1f} rss_mb={ours.rss:.0f}"
    )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Measure how deliveries are taken in.")
    parser.add_argument("--alone", action="store_true", help="leave Probot out")
    parser.add_argument("--serve", action="store_true", help="be the server that is measured")
    chosen = parser.parse_args()
    asyncio.run(serve_until_told() if chosen.serve else main(alone=chosen.alone))
