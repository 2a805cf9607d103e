import asyncio
import json
import socket
import sys
from datetime import UTC, datetime
from pathlib import Path

import httpx
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from fastapi import FastAPI

from bot.demo.serving import serve
from bot.doctor import Level, Report, as_json, diagnose, render
from bot.doctor.clock import ahead
from bot.doctor.findings import Finding, Section
from bot.doctor.github import EVENTS
from bot.doctor.nodes import judge_latency, judge_memory, judge_version
from bot.doctor.rendering import _WIDEST
from shared import profiles
from shared.profiles import ModelSpec, Node
from tests.doctor.house import HUSH, Household, Plain, forge, hours_ago, loaded, ollama, the
from tests.forge.world import pem
from tests.github.test_app_manifest import MANIFEST


def text(report: Report, width: int = 80) -> str:
    """Return a report as it stands in a terminal."""
    return "\n".join(line.plain for line in render(report, width))


def refused_address() -> str:
    """Return an address where nothing listens."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{free.getsockname()[1]}"


async def at_node(household: Household, url: str, *changes: tuple[str, str]) -> Report:
    """Diagnose with one node at an address, without GitHub."""
    return await diagnose(household.env_file, household.profile(url, *changes), seconds=10)


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


async def test_what_is_loaded_now_is_shown(household: Household, recorded: FastAPI) -> None:
    """A model loaded with the profile's num_ctx is listed; with another, the reload is foretold."""
    async with serve(recorded) as url, httpx.AsyncClient(base_url=url) as client:
        asked = {"model": "small:1b", "options": {"num_ctx": 8192}}
        assert (await client.post("/api/generate", json=asked)).is_success
        fitting = await at_node(household, url)
        asked["options"] = {"num_ctx": 4096}
        assert (await client.post("/api/generate", json=asked)).is_success
        other = await at_node(household, url)
    assert "small:1b (2.1 GB)" in the(fitting, "loaded").found
    assert not [f for f in fitting.findings if f.subject == "context"]
    context = the(other, "context", Level.WARN)
    assert "4096" in context.found
    assert "8192" in context.found
    assert "OLLAMA_CONTEXT_LENGTH=8192" in context.mend


async def test_a_missing_model_comes_with_the_line_to_type(
    household: Household, recorded: FastAPI
) -> None:
    """The pull line can be copied as it stands."""
    other = (
        'name = "big:70b"\nnode = "mini"\nsize_gb = 9\nnum_ctx = 8192\n[[models]]\nname = "small'
    )
    async with serve(recorded) as url:
        report = await at_node(household, url, ('name = "small', other))
    models = the(report, "models", Level.BAD)
    assert models.found == "lacks big:70b"
    assert models.commands == ("ollama pull big:70b",)


async def test_a_node_that_is_off_is_told(household: Household) -> None:
    """A refused connection is one ✘ for the node, with its address, and nothing more about it."""
    url = refused_address()
    report = await at_node(household, url)
    found = the(report, "ollama", Level.BAD)
    assert "does not answer" in found.found
    assert url in found.group
    assert len([f for f in report.findings if f.group == found.group]) == 1


@pytest.mark.parametrize(
    ("server", "told"),
    [
        (Plain(status=500), "HTTP 500 to /api/version"),
        (Plain(status=404), "HTTP 404 to /api/version"),
        (Plain(bodies={"/api/version": {"hello": "world"}}), "not Ollama's"),
        (ollama(**{"/api/ps": {"error": "x"}}), "not Ollama's"),
    ],
)
async def test_something_else_than_ollama_is_told(
    household: Household, server: Plain, told: str
) -> None:
    """What answers in another way is named as such."""
    async with server.serve() as url:
        report = await at_node(household, url)
    assert told in the(report, "ollama", Level.BAD).found


async def test_a_silent_node_holds_nothing_up(household: Household) -> None:
    """A node that takes the connection and never answers is given up after the bound."""
    async with Plain(silent=True).serve() as url:
        report = await diagnose(household.env_file, household.profile(url), seconds=0.3)
    assert the(report, "ollama").level is Level.BAD


@pytest.mark.parametrize(
    ("ps", "told"),
    [
        (
            loaded(size=9_000_000_000, size_vram=9_000_000_000),
            "takes 9.0 GB, the profile counts 2.0",
        ),
        (loaded(size_vram=1_000_000_000), "50 % of small:1b run on the CPU"),
        (loaded(name="stranger:7b"), "stranger:7b is loaded, which no table of the profile knows"),
    ],
)
async def test_what_does_not_fit_in_memory_is_told(
    household: Household, ps: dict[str, object], told: str
) -> None:
    """Real sizes, layers on the CPU, and models that nobody counts are pointed out."""
    async with ollama(**{"/api/ps": ps}).serve() as url:
        report = await at_node(household, url)
    assert told in the(report, "loaded", Level.WARN).found


async def test_more_than_the_budget_in_memory_is_told(household: Household) -> None:
    """The node's own sum is held against the budget."""
    size = 30_000_000_000
    async with ollama(**{"/api/ps": loaded(size=size, size_vram=size)}).serve() as url:
        report = await at_node(household, url)
    assert "30.0 GB are loaded, the budget is 20" in text(report, _WIDEST)


async def test_a_model_larger_than_written_is_told(household: Household) -> None:
    """The size on the node's disk is held against the profile's."""
    tags = {"models": [{"name": "small:1b", "size": 4_000_000_000}]}
    async with ollama(**{"/api/tags": tags}).serve() as url:
        report = await at_node(household, url)
    assert "Set its size_gb to 4.0" in the(report, "models", Level.WARN).mend


async def test_a_node_with_another_clock_is_told(household: Household) -> None:
    """A Date header from an hour ago is a warning, since only logs suffer."""
    server = ollama()
    server.date = hours_ago(1)
    async with server.serve() as url:
        report = await at_node(household, url)
    assert "60 min ahead of it" in the(report, "clock", Level.WARN).found


async def test_github_with_another_clock_is_to_be_mended(household: Household) -> None:
    """A clock that is off by minutes makes GitHub refuse the App, so it is ✘."""
    async with Plain(status=404, date=hours_ago(-1)).serve() as url:
        household.settings |= {"GITHUB_API_URL": url}
        report = await at_node(household, refused_address())
    clock = the(report, "clock", Level.BAD)
    assert "60 min behind it" in clock.found
    assert clock.commands


async def test_github_out_of_reach_is_told_once(household: Household) -> None:
    """Without an answer nothing that needs credentials is asked."""
    household.settings |= {"GITHUB_API_URL": refused_address()}
    report = await at_node(household, refused_address())
    assert "does not answer" in the(report, "reach", Level.BAD).found
    assert not [f for f in report.findings if f.subject == "account"]


async def test_a_key_of_another_app_is_told(household: Household) -> None:
    """A key that GitHub does not take is ✘, with the settings to look at."""
    file = household.folder / "app.pem"
    file.write_text(pem(rsa.generate_private_key(65537, 2048)), encoding="ascii")
    async with forge(household):
        report = await at_node(household, refused_address())
    assert "BATON_PRIVATE_KEY_FILE" in the(report, "account", Level.BAD).found


async def test_missing_permissions_and_events_are_named(household: Household) -> None:
    """What the App may not do or does not hear is ✘ by its name in GitHub's settings."""
    granted = {"metadata": "read", "issues": "read", "contents": "write", "checks": "write"}
    events = tuple(EVENTS - {"push"})
    async with forge(household, permissions=granted, events=events):
        report = await at_node(household, refused_address())
    permissions = the(report, "permissions", Level.BAD)
    assert permissions.found == "the App lacks issues: write, pull_requests: write"
    assert "/settings/apps/baton/permissions" in permissions.mend
    assert "push" in the(report, "events", Level.BAD).found
    assert "alice has not yet granted issues: write" in the(report, "installed", Level.BAD).found


async def test_a_permission_too_many_is_a_warning(household: Household) -> None:
    """With `workflows` GitHub would let through what it ought to refuse."""
    granted = {**MANIFEST["default_permissions"], "workflows": "write"}
    async with forge(household, permissions=granted):
        report = await at_node(household, refused_address())
    assert "workflows" in the(report, "permissions", Level.WARN).found


def test_the_events_are_those_of_the_manifest() -> None:
    """The doctor asks for what app.yml registers."""
    assert set(MANIFEST["default_events"]) == EVENTS


async def test_a_token_is_looked_up(household: Household) -> None:
    """In token mode there is an account, and no App to compare."""
    for name in ("APP_ID", "PRIVATE_KEY_FILE"):
        del household.settings[name]
    household.settings["GITHUB_TOKEN"] = f"ghp_{HUSH}"
    async with forge(household):
        report = await at_node(household, refused_address())
    assert the(report, "account", Level.OK).found == "Baton writes as alice"
    assert not [f for f in report.findings if f.subject == "permissions"]


async def test_files_with_secrets_that_others_may_read_are_told(household: Household) -> None:
    """A key that the whole machine may read is a warning, with the chmod to type."""
    key = household.folder / "app.pem"
    key.chmod(0o644)
    report = await at_node(household, refused_address())
    assert the(report, "files", Level.WARN).commands == (f"chmod 600 {key}",)


@pytest.mark.parametrize(
    ("setting", "value", "subject", "told"),
    [
        ("WEBHOOK_SECRET", "", "webhook", "no secret is set"),
        ("PRIVATE_KEY_FILE", "nowhere.pem", "identity", "cannot be read"),
        ("HOME", "/proc/nowhere", "state", "cannot be written"),
        ("PORT", "many", "settings", "BATON_PORT"),
    ],
)
async def test_a_wrong_setting_is_to_be_mended(
    household: Household, setting: str, value: str, subject: str, told: str
) -> None:
    """Each setting that would keep the gateway from starting is ✘, and the rest is looked at."""
    if sys.platform != "linux" and value.startswith("/proc"):
        pytest.skip("there is no /proc on this system")
    household.settings[setting] = value
    report = await at_node(household, refused_address())
    assert told in the(report, subject, Level.BAD).found
    assert the(report, "git").level is Level.OK


async def test_a_short_secret_is_a_warning(household: Household) -> None:
    """A webhook secret that can be guessed works, and is pointed out."""
    household.settings["WEBHOOK_SECRET"] = "short"
    report = await at_node(household, refused_address())
    assert the(report, "webhook").level is Level.WARN


async def test_a_faulty_profile_is_told_with_its_lines(household: Household) -> None:
    """All faults of the profile are in the report, in place of the nodes."""
    report = await at_node(household, refused_address(), ("num_ctx = 8192", "num_ctx = 0"))
    assert "line 11" in the(report, "profile", Level.BAD).found
    assert not [f for f in report.findings if f.subject == "ollama"]


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


def test_what_is_resident_is_held_against_budget_and_metal() -> None:
    """Residents beyond the budget take turns; what macOS does not grant comes with the sysctl."""
    node = profiles.load("single-64gb").node("mac")
    model = ModelSpec(name="m", node="mac", size_gb=30, num_ctx=8192)
    section = Section("mac")
    fine, *none = judge_memory(section, node, [model])
    assert (fine.level, none) == (Level.OK, [])
    turns, metal = judge_memory(section, node, [model, model])
    assert "60.0 GB together" in turns.found
    assert metal.commands == ("sudo sysctl iogpu.wired_limit_mb=53405",)


def test_latency_is_judged_by_the_median() -> None:
    """One slow answer among five says nothing; five of them do."""
    node = Node(name="n", url="http://10.0.0.2:1", memory_gb=1)
    section = Section("n")
    assert judge_latency(section, node, [0.001] * 4 + [0.9]).level is Level.OK
    assert judge_latency(section, node, [0.02] * 5).level is Level.WARN


@pytest.mark.parametrize(
    ("version", "level"),
    [("0.33.0", Level.OK), ("1.2.0-rc1", Level.OK), ("0.5.13", Level.WARN), ("dev", Level.OK)],
)
def test_an_old_ollama_is_told(version: str, level: Level) -> None:
    """Versions before the one that Baton relies on are a warning."""
    assert judge_version(Section("n"), version).level is level


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
