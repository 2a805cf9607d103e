"""Baton's clients on a real llama-server: real tokens, schemas, cancelling, prefixes, switches.

A small model (SmolLM2, 135 million parameters) runs on this machine's CPU behind the Ollama-shaped
front of tests/live; both come from PyPI into an environment of their own. What such a model says
is worthless, so only the form of its answers is judged. Exit code 1 when a check fails.

With ``--serve`` nothing is measured: the front answers until Ctrl-C, so that the rest of Baton can
be pointed at it.
"""

import argparse
import asyncio
import sys
from collections.abc import Awaitable, Callable

import platformdirs

from benchmarks._live.answers import doctor, prefixes, schemas, tokens, triage
from benchmarks._live.holding import cancelling, switching
from benchmarks._live.talking import Check, Live
from shared.errors import BatonError
from shared.ollama.client import connect
from tests.live.front import Front, live_node
from tests.live.house import MODELS, SMALL, household
from tests.live.install import llama_server

CHECKS: tuple[Callable[[Live], Awaitable[Check]], ...] = (
    *(tokens, schemas, cancelling, prefixes, triage, switching, doctor),
)


async def measure(front: Front) -> bool:
    """Print the table and the last line; tell whether every check holds."""
    profile = household(front.url)
    checks = []
    print("| what | found | |\n|---|---|---|")
    async with connect(profile.node("live")) as client:
        for check in CHECKS:
            checks.append(await check(Live(front, profile, client)))
            what, found, ok, _ = checks[-1]
            print(f"| {what} | {found} | {'holds' if ok else '**fails**'} |", flush=True)
    values = {key: value for check in checks for key, value in check.values.items()}
    good = sum(check.ok for check in checks)
    print(
        f"\nlive_models: checks={good}/{len(checks)} "
        + " ".join(f"{k}={v}" for k, v in values.items())
    )
    return good == len(checks)


async def stay(front: Front) -> bool:
    """Say how to use the node, and answer until the process is interrupted."""
    path = platformdirs.user_cache_path("baton") / "live.json"
    path.write_text(household(front.url).model_dump_json(indent=2), "utf-8")
    print(f"Real models answer at {front.url}. In another terminal, such as:")
    print(f"  ./dev baton doctor --profile {path}")
    print(f"  ./dev demo --ollama {front.url} --model {SMALL.name}", flush=True)
    await asyncio.Event().wait()
    return True


async def run(*, serving: bool) -> bool:
    """Open the node and do either."""
    llama = await asyncio.to_thread(llama_server)
    async with live_node(llama, [model.name for model in MODELS]) as front:
        return await (stay if serving else measure)(front)


def main() -> int:
    """Read the arguments; 0 when all is well."""
    parser = argparse.ArgumentParser(prog="./dev bench live_models", description=__doc__)
    parser.add_argument("--serve", action="store_true", help="only answer, until Ctrl-C")
    try:
        return 0 if asyncio.run(run(serving=parser.parse_args().serve)) else 1
    except BatonError as error:
        print(error, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 0


if __name__ == "__main__":
    sys.exit(main())
