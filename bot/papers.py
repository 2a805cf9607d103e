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
    await asyncio.to_thread(write_text, path, text)
    return path


def write_text(path: Path, text: str) -> None:
    """Write a file whole or not at all, and on disk before this returns."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile("w", dir=path.parent, delete=False, encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    Path(file.name).replace(path)
