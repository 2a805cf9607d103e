"""How fast a signed delivery is stored and acknowledged.

The real route on uvicorn in a process of its own, storing by DBOS on SQLite: a look-up of the
GUID and a durable enqueue before the 202, while the engine handles what was accepted before (a
workflow that reads the delivery back). Half a minute in all; figures are those of a client on the
same machine, over kept-alive connections.
"""

import asyncio
import itertools
import statistics
import sys
import tempfile
import time
from pathlib import Path
from uuid import uuid4

import httpx
from dbos import DBOS
from fastapi import FastAPI
from pydantic import JsonValue, SecretStr

from bot import engine
from bot.demo.serving import serve
from webhooks.delivery import Accepted, Delivery
from webhooks.routes import PATH, create_router
from webhooks.signature import sign

SECRET = SecretStr("a webhook secret for the benchmark")
SECONDS = 5.0
RATE = 100  # deliveries a second, twenty times what a busy organisation sends
CONNECTIONS = 8

ACCOUNT = b'{"login":"octocat","id":583231,"type":"User"}'
# As long as a usual `issues` delivery of GitHub's: about 11 kB.
BODY = (
    b'{"action":"opened","issue":{"number":7,"title":"Crash on empty input","body":"'
    + b"Steps to reproduce. " * 500
    + b'","user":%b,"labels":[{"name":"bug"}],"state":"open"},' % ACCOUNT
    + b'"repository":{"full_name":"octocat/hello-world","default_branch":"main"},'
    + b'"installation":{"id":1},"sender":%b}' % ACCOUNT
)
HEADERS = {
    "X-GitHub-Event": "issues",
    "X-Hub-Signature-256": sign(BODY, SECRET),
    "Content-Type": "application/json",
}


@DBOS.workflow(name="benchmark_delivery")
async def handle(raw: dict[str, JsonValue]) -> None:
    """Read the delivery back, as the bot's own handler does first."""
    Delivery.model_validate(raw)


async def accept(delivery: Delivery) -> Accepted:
    """Store a delivery the way the bot does."""
    if await DBOS.get_workflow_status_async(delivery.guid) is not None:
        return Accepted.REPEATED
    with engine.once(delivery.guid), engine.in_line(delivery.guid[:1]):
        await DBOS.enqueue_workflow_async(
            engine.DELIVERIES, handle, delivery.model_dump(mode="json")
        )
    return Accepted.NEW


async def serve_until_told() -> None:
    """Serve on a free port, print it, and stop at the end of standard input."""
    with tempfile.TemporaryDirectory() as home:
        await engine.launch(Path(home) / "engine.db")
        app = FastAPI()
        app.include_router(create_router(SECRET, accept))
        async with serve(app) as url:
            print(url, flush=True)
            await asyncio.to_thread(sys.stdin.read)
        await drain()
        await engine.stop()


async def drain() -> None:
    """Let the engine handle what it has accepted, for half a minute at most."""
    for _ in range(60):
        if not await DBOS.list_workflows_async(status=["ENQUEUED", "PENDING"], limit=1):
            return
        await asyncio.sleep(0.5)


async def deliver(client: httpx.AsyncClient, due: float) -> float:
    """Send one delivery; return the seconds since it was due."""
    answer = await client.post(
        PATH, content=BODY, headers={**HEADERS, "X-GitHub-Delivery": str(uuid4())}
    )
    assert answer.json()["status"] == "accepted", answer.text
    return time.perf_counter() - due


async def at_rate(client: httpx.AsyncClient) -> list[float]:
    """Send at a fixed rate whatever the answers do, so that waiting shows."""
    start = time.perf_counter()
    tasks = []
    for number in range(int(RATE * SECONDS)):
        due = start + number / RATE
        await asyncio.sleep(max(0.0, due - time.perf_counter()))
        tasks.append(asyncio.create_task(deliver(client, due)))
    return await asyncio.gather(*tasks)


async def at_full_speed(client: httpx.AsyncClient) -> list[float]:
    """Send as fast as the answers come."""
    end = time.perf_counter() + SECONDS

    async def one_connection() -> list[float]:
        seconds = []
        while (now := time.perf_counter()) < end:
            seconds.append(await deliver(client, now))
        return seconds

    lists = await asyncio.gather(*[one_connection() for _ in range(CONNECTIONS)])
    return list(itertools.chain.from_iterable(lists))


def quantiles(seconds: list[float]) -> tuple[float, float]:
    """Return p50 and p99 in milliseconds."""
    cuts = statistics.quantiles(seconds, n=100)
    return 1000 * cuts[49], 1000 * cuts[98]


async def main() -> None:
    """Measure and print."""
    server = await asyncio.create_subprocess_exec(
        sys.executable,
        "-P",  # this folder would hide the package that has this file's name
        __file__,
        "--serve",
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    assert server.stdout is not None
    assert server.stdin is not None
    try:
        url = (await server.stdout.readline()).decode().strip()
        async with httpx.AsyncClient(base_url=url, trust_env=False, timeout=30) as client:
            for _ in range(50):
                await deliver(client, 0)  # warm up
            steady = await at_rate(client)
            full = await at_full_speed(client)
    finally:
        server.stdin.close()
        await server.wait()
    print("| load | deliveries | p50 ms | p99 ms | per second |")
    print("|---|---:|---:|---:|---:|")
    p50, p99 = quantiles(steady)
    print(f"| {RATE}/s for {SECONDS:.0f} s | {len(steady)} | {p50:.1f} | {p99:.1f} | {RATE} |")
    most50, most99 = quantiles(full)
    most = len(full) / SECONDS
    name = f"{CONNECTIONS} connections, full speed"
    print(f"| {name} | {len(full)} | {most50:.1f} | {most99:.1f} | {most:.0f} |")
    print()
    print("Accepted means: in DBOS's queue on SQLite, committed.")
    print(f"webhooks: p50_ms={p50:.1f} p99_ms={p99:.1f} accepted_per_s={most:.0f}")


if __name__ == "__main__":
    asyncio.run(serve_until_told() if "--serve" in sys.argv else main())
