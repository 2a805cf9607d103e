"""Files of a run for people: the blueprint, and the logs of the red and the green run."""

import asyncio
import os
import tempfile
from pathlib import Path

from bot.context import RunContext
from bot.services import services


async def write_paper(run: RunContext, name: str, text: str) -> Path:
    """Write one file of a run, whole or not at all, and return its path."""
    path = services().places.papers(run.ref, run.number) / name
    await asyncio.to_thread(_write, path, text)
    return path


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile("w", dir=path.parent, delete=False, encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    Path(file.name).replace(path)
