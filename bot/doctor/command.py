"""The command: diagnose, show, and turn the result into an exit code."""

import logging
import sys
from pathlib import Path

from rich.console import Console

from bot.doctor import as_json as to_json
from bot.doctor import diagnose, render


async def examine(
    env_file: Path | None, profile: str | None, console: Console, *, as_json: bool = False
) -> int:
    """Show a report, and return 0 when nothing has to be mended, else 1."""
    logging.getLogger("shared.github").setLevel(logging.ERROR)  # retries are of no interest here
    if as_json:
        report = await diagnose(env_file, profile)
        sys.stdout.write(to_json(report) + "\n")
        return 0 if report.healthy else 1
    with console.status("Looking around"):
        report = await diagnose(env_file, profile)
    for line in render(report, console.width):
        console.print(line, soft_wrap=True, highlight=False)
    return 0 if report.healthy else 1
