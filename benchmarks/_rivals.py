"""Other people's routers for Ollama, played against the pretended node on the same traces.

A rival and its dependencies live in an environment of their own. One process there holds the
rival's unchanged server, the pretended Ollama behind it (tests/ollama_double), both over real HTTP
on 127.0.0.1, and the clients that play the trace; ``benchmarks/_rival_house.py`` is what it runs.
Its event loop has a clock that jumps, so the rival's own pauses and time-outs take exactly the
share of the story that they take in life, which shortened pauses in real time would not allow.
The process has no network but its own loopback, for one rival announces itself in the house and
reports to its makers. Both see one node, the Mac of the profile ``single-64gb``.

Driven are:

- ``direct``: no rival, the clients ask the pretended Ollama; this checks the way of measuring.
- ``local-engine-router`` 0.7.1: it lets engines take turns, and unloads one when another is asked.
  Here the planner is one engine and the residents are the other, both on the one Ollama; as a
  single engine it would pass everything on. Its choice of models is off. After a swap it waits
  until this machine's free memory rests, which is 1.5 seconds here.
- ``ollama-herd`` 0.11.4: it queues by model and chooses nodes. It does not send a request to a node
  whose free memory is too small, holds it for 30 seconds instead and then answers 503. Its
  substitution of other models for the one asked is off. The heartbeats of its node agent are sent
  by the benchmark, since that agent would tell the memory of this machine.

A client that is refused asks again after ten seconds, and gives up after three hours of the story.
"""

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import platformdirs
import uv
from pydantic import BaseModel

from benchmarks._scheduling_trace import Job, Outcome, Wait
from shared.errors import ConfigurationError
from shared.profiles import Profile

ROOT = Path(__file__).resolve().parent.parent
# What the pretended Ollama needs beside the rival.
_OURS = ("httpx", "psutil", "pydantic", "sqlalchemy[asyncio]", "starlette", "uvicorn")
_LONGEST = 1800.0  # seconds of real time for one trace


class Rival(NamedTuple):
    """A way to share, and the package that does it; none when the clients go straight on."""

    name: str
    package: str = ""


RIVALS = (
    Rival("direct"),
    Rival("local-engine-router", "local-engine-router==0.7.1"),
    Rival("ollama-herd", "ollama-herd==0.11.4"),
)


class Played(BaseModel):
    """What came of a trace; waits are (job, call, asked, seconds), all times in seconds."""

    makespan: float
    switches: int
    refused: int
    unserved: int
    waits: list[tuple[int, int, float, float]]
    reasons: dict[str, int]


def play(rival: Rival, profile: Profile, jobs: Sequence[Job]) -> tuple[Outcome, Played]:
    """Play a trace in front of a rival.

    Raises ConfigurationError when it cannot be installed or started here.
    """
    python = _environment(rival)
    story = {
        "rival": rival.name,
        "profile": profile.model_dump(mode="json"),
        "jobs": [
            {
                "at": job.at,
                "calls": [
                    (profile.model(call.role).name, call.seconds, call.pause) for call in job.calls
                ],
            }
            for job in jobs
        ],
    }
    played = Played.model_validate_json(_run(python, json.dumps(story)))
    waits = [Wait(jobs[job], call, asked, seconds) for job, call, asked, seconds in played.waits]
    return Outcome(makespan=played.makespan, switches=played.switches, waits=waits), played


def _run(python: Path, story: str) -> str:
    with tempfile.TemporaryDirectory(prefix="baton-rival-") as folder:
        done = subprocess.run(
            [*_contained(), str(python), "-m", "benchmarks._rival_house"],
            input=story,
            capture_output=True,
            text=True,
            check=False,
            timeout=_LONGEST,
            cwd=ROOT,
            env={"PATH": os.environ["PATH"], "HOME": folder, "FLEET_NODE_TELEMETRY": "false"},
        )
    if done.returncode:
        raise ConfigurationError(f"The rival broke off: {done.stderr.strip()[-2000:]}")
    return done.stdout.splitlines()[-1]


def _contained() -> Sequence[str]:
    """Return what a command is run by so that it has no network but the loopback."""
    bwrap = shutil.which("bwrap") or shutil.which("bwrap", path=str(Path(sys.executable).parent))
    if not bwrap:
        raise ConfigurationError("The rivals run without a network only: bubblewrap is missing.")
    return (bwrap, "--dev-bind", "/", "/", "--unshare-net", "--die-with-parent", "--")


def _environment(rival: Rival) -> Path:
    """Return the Python of a rival's environment, made unless an earlier run has done so."""
    folder = platformdirs.user_cache_path("baton") / "rivals" / (rival.name or "direct")
    python = folder / "bin" / "python"
    if not python.exists():
        _uv("venv", "--quiet", "--python", sys.executable, str(folder))
    packages = [*_OURS, *([rival.package] if rival.package else [])]
    _uv("pip", "install", "--quiet", "--python", str(python), *packages)
    return python


def _uv(*words: str) -> None:
    done = subprocess.run([uv.find_uv_bin(), *words], capture_output=True, text=True, check=False)
    if done.returncode:
        raise ConfigurationError(
            f"A rival could not be installed: {done.stderr.strip()[-500:]} Is PyPI in reach?"
        )
