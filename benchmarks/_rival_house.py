"""Play a trace in front of a rival, in the rival's own environment; see ``_rivals.py``.

Reads the story as JSON from standard input, and writes what came of it as the last line.
"""

import asyncio
import contextlib
import importlib
import json
import sys
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Sequence
from pathlib import Path
from typing import Any

import httpx

from benchmarks._jumping_loop import LoopClock
from bot.serving import listen, serve
from shared.profiles import ModelSpec, Profile
from tests.ollama_double.clock import START
from tests.ollama_double.node import Machine, OllamaNode
from tests.ollama_double.server import OllamaDouble

_AGAIN_SECONDS = 10.0
_GIVE_UP_SECONDS = 3 * 3600.0
_HEARTBEAT_SECONDS = 5.0  # the node agent's own default
_OK = 200
_LONGEST_REASON = 300
Json = dict[str, Any]
Front = Callable[[OllamaDouble, Profile], contextlib.AbstractAsyncContextManager[str]]


@contextlib.asynccontextmanager
async def direct(double: OllamaDouble, _: Profile) -> AsyncIterator[str]:
    """Put nothing in front."""
    yield double.url


@contextlib.asynccontextmanager
async def local_engine_router(double: OllamaDouble, profile: Profile) -> AsyncIterator[str]:
    """Put local-engine-router in front, with the planner as an engine of its own."""
    router: Any = importlib.import_module("router.app")
    config: Any = importlib.import_module("router.config")
    planner = profile.roles["planner"]  # type: ignore[index]  # a StrEnum's key is its text
    folder = Path.home()
    path = folder / "config.yaml"
    ollama = {"type": "ollama", "base_url": double.url}
    settings = {
        "routing_mode": "manual",
        "log_file": str(folder / "router.log"),
        "state_file": str(folder / "state.json"),
        "engines": {"residents": ollama, "planner": ollama},
        "models": [
            {"id": model.name, "engine": "planner" if model.name == planner else "residents"}
            for model in profile.models
        ],
    }
    path.write_text(json.dumps(settings), "utf-8")  # JSON is YAML
    async with serve(router.create_app(config.load_config(str(path)))) as url:
        yield url


@contextlib.asynccontextmanager
async def ollama_herd(double: OllamaDouble, profile: Profile) -> AsyncIterator[str]:
    """Put ollama-herd in front, and tell it of the node as its agent would."""
    server: Any = importlib.import_module("fleet_manager.server.app")
    models: Any = importlib.import_module("fleet_manager.models.config")
    at = listen()
    settings = models.ServerSettings(
        host="127.0.0.1",
        port=int(at.url.rpartition(":")[2]),
        data_dir=str(Path.home() / "herd"),
        vram_fallback=False,
        auto_pull=False,
        fleet_intelligence=False,
        disable_model_preloader=True,
    )
    async with serve(server.create_app(settings), at) as url, _client() as client:
        await _heartbeat(client, url, double, profile)
        beating = asyncio.create_task(_beat(client, url, double, profile))
        try:
            yield url
        finally:
            beating.cancel()
            await asyncio.gather(beating, return_exceptions=True)


def _client() -> httpx.AsyncClient:
    # Kept connections are closed by servers just when the next heartbeat is due.
    return httpx.AsyncClient(timeout=None, limits=httpx.Limits(max_keepalive_connections=0))


async def _beat(client: httpx.AsyncClient, url: str, double: OllamaDouble, home: Profile) -> None:
    while True:
        await asyncio.sleep(_HEARTBEAT_SECONDS)
        await _heartbeat(client, url, double, home)


async def _heartbeat(
    client: httpx.AsyncClient, url: str, double: OllamaDouble, home: Profile
) -> None:
    budget, used = home.nodes[0].memory_gb, double.node.used_gb
    names = {model.name: model.size_gb for model in home.models}
    told = {
        "node_id": "mac",
        "arch": "apple_silicon",
        "cpu": {"cores_physical": 12, "utilization_pct": 5.0},
        "memory": {"total_gb": budget, "used_gb": used, "available_gb": budget - used},
        "ollama": {
            "models_loaded": [
                {"name": r.spec.name, "size_gb": r.gb, "context_length": r.context}
                for r in double.node.running()
            ],
            "models_available": list(names),
            "models_available_sizes": names,
        },
        "ollama_host": double.url,
    }
    (await client.post(f"{url}/heartbeat", json=told)).raise_for_status()


FRONTS: dict[str, Front] = {
    "direct": direct,
    "local-engine-router": local_engine_router,
    "ollama-herd": ollama_herd,
}


class Players:
    """The clients of a trace, and what they met."""

    def __init__(self, clock: LoopClock, profile: Profile, url: str) -> None:
        self._clock = clock
        self._profile = profile
        self._url = url
        self.refused = 0
        self.unserved = 0
        self.reasons: Counter[str] = Counter()
        self.waits: list[tuple[int, int, float, float]] = []

    async def play(self, jobs: Sequence[Json]) -> None:
        """Play all jobs."""
        async with _client() as client:
            await asyncio.gather(*(self._job(client, n, job) for n, job in enumerate(jobs)))

    async def _job(self, client: httpx.AsyncClient, number: int, job: Json) -> None:
        await asyncio.sleep(job["at"])
        for call, (name, seconds, pause) in enumerate(job["calls"]):
            asked = self._clock() - START
            model = next(m for m in self._profile.models if m.name == name)
            while not await self._call(client, model, seconds):
                self.refused += 1
                if self._clock() - START - asked > _GIVE_UP_SECONDS:
                    self.unserved += 1
                    return
                await asyncio.sleep(_AGAIN_SECONDS)
            took = self._clock() - START - asked
            self.waits.append((number, call, asked, max(0.0, took - seconds)))
            await asyncio.sleep(pause)

    async def _call(self, client: httpx.AsyncClient, model: ModelSpec, seconds: float) -> bool:
        """Ask once; tell whether a whole answer came."""
        request = {
            "model": model.name,
            "messages": [{"role": "user", "content": f"{seconds}"}],
            "options": {"num_ctx": model.num_ctx},
            "keep_alive": model.keep_alive,
            "stream": True,
        }
        is_done, said = False, ""
        async with client.stream("POST", f"{self._url}/api/chat", json=request) as answer:
            async for line in answer.aiter_lines():
                said = line.strip() or said
                if answer.status_code == _OK and line.strip():
                    is_done = bool(json.loads(line).get("done"))
        if not is_done:
            self.reasons[f"HTTP {answer.status_code} {said[:_LONGEST_REASON]}"] += 1
        return is_done


async def tell(story: Json, clock: LoopClock) -> Json:
    """Play a story and return what came of it."""
    profile = Profile.model_validate(story["profile"])
    (home,) = profile.nodes
    machine = Machine(memory_gb=home.memory_gb)

    def reply(messages: Sequence[Json]) -> str:
        return "word " * round(float(messages[-1]["content"]) * machine.output_tokens)

    node = OllamaNode(clock, profile.models, machine)
    async with OllamaDouble(node, reply) as double:
        async with FRONTS[story["rival"]](double, profile) as url:
            players = Players(clock, profile, url)
            await players.play(story["jobs"])
        return {
            "makespan": max((asked + took for *_, asked, took in players.waits), default=0.0),
            "switches": node.switches,
            "refused": players.refused,
            "unserved": players.unserved,
            "reasons": dict(players.reasons.most_common(3)),
            "waits": players.waits,
        }


def main() -> None:
    """Read, play, write."""
    clock = LoopClock()
    # The rival's own deadlines are in the story's time as well, however it reads the clock.
    time.time, time.monotonic = clock, lambda: clock.passed
    outcome = clock.run(tell(json.load(sys.stdin), clock))
    print(json.dumps(outcome))


if __name__ == "__main__":
    main()
