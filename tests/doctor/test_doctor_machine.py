import os
import sys

import pytest

from bot.doctor import Level
from bot.doctor.machine import git_program
from tests.doctor.house import Household, at_node, forge, refused_address, the


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


async def test_no_identity_is_to_be_mended(household: Household) -> None:
    """Without App and token the settings to write are named, and GitHub is still looked for."""
    del household.settings["APP_ID"]
    async with forge(household):
        report = await at_node(household, refused_address())
    assert "BATON_APP_ID" in the(report, "identity", Level.BAD).found
    assert the(report, "reach").level is Level.OK
    assert not [f for f in report.findings if f.subject == "account"]


@pytest.mark.skipif(os.geteuid() != 0, reason="root alone is refused")
async def test_root_is_told_how_the_gateway_allows_it(household: Household) -> None:
    """As root the sandbox is refused unless allowed; the setting is named."""
    household.settings["ALLOW_ROOT_SANDBOX"] = "false"
    report = await at_node(household, refused_address())
    assert "BATON_ALLOW_ROOT_SANDBOX=true" in the(report, "sandbox", Level.BAD).mend


async def test_a_machine_without_git_is_told(
    household: Household, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where git is not on the path, the line that installs it is shown."""
    monkeypatch.setenv("PATH", str(household.folder))
    report = await at_node(household, refused_address())
    assert the(report, "git", Level.BAD).commands


@pytest.mark.parametrize(
    ("said", "level"),
    [("git version 2.20.1", Level.WARN), ("git version 2.51.0 (x)", Level.OK), ("no", Level.BAD)],
)
async def test_the_version_of_git_is_judged(
    household: Household, monkeypatch: pytest.MonkeyPatch, said: str, level: Level
) -> None:
    """A git that is too old to refuse planted repositories is a warning."""
    program = household.folder / "git"
    program.write_text(f"#!/bin/sh\necho '{said}'\n", encoding="utf-8")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{household.folder}:{os.environ['PATH']}")
    (found,) = await git_program()
    assert found.level is level


async def test_two_nodes_at_one_address_are_told(household: Household) -> None:
    """A machine that stands twice would have its memory counted twice."""
    url = refused_address()
    twin = f'[[nodes]]\nname = "twin"\nurl = "{url}"\nmemory_gb = 9\n[[models]]'
    report = await at_node(household, url, ("[[models]]", twin))
    assert "share an address" in the(report, "profile", Level.WARN).found


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
