import httpx
import pytest
from fastapi import FastAPI

from bot.doctor import Level, diagnose
from bot.doctor.findings import Section
from bot.doctor.nodes import judge_latency, judge_memory, judge_version
from bot.serving import serve
from shared import profiles
from shared.profiles import ModelSpec, Node
from tests.doctor.house import (
    Household,
    Plain,
    at_node,
    hours_ago,
    loaded,
    ollama,
    refused_address,
    text,
    the,
)


async def test_what_is_loaded_now_is_shown(household: Household, recorded: FastAPI) -> None:
    """A model loaded with the profile's num_ctx is listed; with another, the reload is foretold."""
    async with serve(recorded) as url, httpx.AsyncClient(base_url=url) as client:
        asked = {"model": "small:1b", "options": {"num_ctx": 8192}}
        assert (await client.post("/api/generate", json=asked)).is_success
        fitting = await at_node(household, url)
        asked["options"] = {"num_ctx": 4096}
        assert (await client.post("/api/generate", json=asked)).is_success
        other = await at_node(household, url)
    assert "small:1b (2.0 GB)" in the(fitting, "loaded").found
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
    assert "30.0 GB are loaded, the budget is 20" in text(report, 100)


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
