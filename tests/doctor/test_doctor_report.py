import asyncio
import json
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest
from fastapi import FastAPI

from bot.doctor import Level, Report, as_json
from bot.doctor.clock import ahead
from bot.doctor.findings import Finding, Section
from bot.serving import serve
from tests.doctor.house import (
    HUSH,
    Household,
    at_node,
    forge,
    refused_address,
    text,
    the,
)


async def test_a_household_in_order_has_nothing_to_mend(
    household: Household, recorded: FastAPI
) -> None:
    """With App, sandbox, node and model in place, nothing is ✘ and every check has spoken."""
    async with forge(household), serve(recorded) as url:
        report = await at_node(household, url)
    assert report.healthy, text(report)
    subjects = {finding.subject for finding in report.findings}
    assert subjects >= {
        "webhook", "identity", "state", "cache", "sandbox", "git", "uv", "reach", "clock",
        "account", "permissions", "events", "installed", "profile", "ollama", "models",
        "memory", "loaded", "latency",
    }  # fmt: skip
    assert the(report, "account").found.endswith("baton[bot]")
    assert the(report, "installed").found == "on alice"


async def test_no_secret_is_ever_shown(household: Household) -> None:
    """Neither webhook secret nor key nor token gets into text or JSON, whatever goes wrong."""
    url = refused_address().replace("http://", f"http://me:{HUSH}@")
    async with forge(household, permissions={"metadata": "read"}):
        report = await at_node(household, url)
    shown = text(report) + as_json(report)
    key_lines = (household.folder / "app.pem").read_text("ascii").splitlines()[1:-1]
    assert "does not answer" in shown
    assert HUSH not in shown
    assert not [line for line in key_lines if line in shown]


@pytest.mark.parametrize("date", [None, "", "yesterday"])
def test_an_answer_without_a_date_compares_nothing(date: str | None) -> None:
    """A missing or odd Date header is no skew."""
    assert ahead(date, datetime.now(UTC)) is None


async def test_a_check_that_breaks_is_a_finding() -> None:
    """An unforeseen failure costs one line, and its text, which may hold anything, is not shown."""

    async def breaks() -> list[Finding]:
        raise KeyError(HUSH)

    (found,) = await Section("x").within(1, "check", breaks())
    assert found.level is Level.BAD
    assert "KeyError" in found.found
    assert HUSH not in found.found


def test_lines_to_type_are_not_broken() -> None:
    """On a narrow terminal words wrap below each other, commands stay whole."""
    command = "ollama pull " + "x" * 120
    report = Report(
        version="1", findings=(Section("n").bad("models", "lacks " * 30, "Type:", command),)
    )
    lines = text(report, 60).splitlines()
    assert f"            {command}" in lines
    assert all(len(line) <= 60 for line in lines if command not in line)
    assert lines[-1] == "✘ 1 to mend."


async def test_the_command_ends_with_0_only_when_all_is_well(
    household: Household, recorded: FastAPI
) -> None:
    """Scripts can rely on the exit code and on --json."""
    async with forge(household), serve(recorded) as url:
        env_file = household.env_file
        good = await command(env_file, household.profile(url))
        bad = await command(env_file, household.profile(refused_address()))
    assert [good[0], bad[0]] == [0, 1]
    assert [json.loads(out)["healthy"] for _, out in (good, bad)] == [True, False]
    levels = {finding["level"] for finding in json.loads(bad[1])["findings"]}
    assert levels >= {"ok", "bad"}


async def command(env_file: Path, profile: str) -> tuple[int | None, bytes]:
    """Run ``baton doctor --json`` as a process."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-P", "-m", "bot", "doctor", "--json"),
        *("--env-file", str(env_file), "--profile", profile),
        stdout=asyncio.subprocess.PIPE,
    )
    out, _ = await process.communicate()
    return process.returncode, out
