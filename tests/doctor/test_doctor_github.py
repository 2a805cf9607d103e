import pytest
from cryptography.hazmat.primitives.asymmetric import rsa

from bot.doctor import Level, as_json
from bot.doctor.arriving import judge_deliveries
from bot.doctor.findings import Section
from bot.doctor.github import EVENTS, judge_app
from shared.github import HookDelivery, Registration
from shared.settings import Settings
from tests.doctor.house import (
    HUSH,
    Household,
    Plain,
    at_node,
    forge,
    hours_ago,
    refused_address,
    text,
    the,
)
from tests.forge.world import pem
from tests.github.test_app_manifest import MANIFEST


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


@pytest.mark.parametrize("status", [500, 503])
async def test_a_github_that_fails_is_told(household: Household, status: int) -> None:
    """An answer of 5xx is no GitHub to work with."""
    async with Plain(status=status).serve() as url:
        household.settings |= {"GITHUB_API_URL": url}
        report = await at_node(household, refused_address())
    assert f"HTTP {status}" in the(report, "reach", Level.BAD).found


async def test_credentials_in_an_address_are_refused_and_not_shown(household: Household) -> None:
    """Secrets belong into their own settings, not into addresses."""
    household.settings |= {"GITHUB_API_URL": f"http://me:{HUSH}@127.0.0.1:9/api/v3"}
    report = await at_node(household, refused_address())
    assert "without credentials" in the(report, "reach", Level.BAD).mend
    assert HUSH not in text(report) + as_json(report)


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
    events = tuple(EVENTS - {"check_suite"})
    async with forge(household, permissions=granted, events=events):
        report = await at_node(household, refused_address())
    permissions = the(report, "permissions", Level.BAD)
    assert permissions.found == "the App lacks issues: write, pull_requests: write"
    assert "/settings/apps/baton/permissions" in permissions.mend
    assert "check_suite" in the(report, "events", Level.BAD).found
    assert "alice has not yet granted issues: write" in the(report, "installed", Level.BAD).found


async def test_a_permission_too_many_is_a_warning(household: Household) -> None:
    """With `workflows` GitHub would let through what it ought to refuse."""
    granted = {**MANIFEST["default_permissions"], "workflows": "write"}
    async with forge(household, permissions=granted):
        report = await at_node(household, refused_address())
    assert "workflows" in the(report, "permissions", Level.WARN).found


def test_an_app_of_an_organization_is_mended_where_it_lives() -> None:
    """Apps of organizations are edited below the organization; one nowhere installed is told."""
    app = Registration.model_validate(
        {
            "slug": "baton",
            "owner": {"login": "acme", "type": "Organization"},
            "permissions": {},
            "events": [],
        }
    )
    assert app.settings_path == "/organizations/acme/settings/apps/baton"
    told = judge_app(Section("GitHub"), app, f"https://github.com{app.settings_path}")
    assert [f.level for f in told] == [Level.BAD, Level.BAD, Level.WARN]
    assert told[-1].found == "nowhere yet"


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


def attempts(*statuses: int) -> list[HookDelivery]:
    """Return attempts of as many deliveries, the newest first."""
    return [
        HookDelivery(
            id=100 - at,
            guid=f"g{at}",
            delivered_at=hours_ago(at),
            status_code=status,
            event="issues",
        )
        for at, status in enumerate(statuses)
    ]


@pytest.mark.parametrize(
    ("statuses", "level", "found", "mend"),
    [
        ((), Level.OK, "none within the last day", ""),
        ((202, 200), Level.OK, "all 2 of the last day arrived", ""),
        ((202, 0, 502), Level.WARN, "2 of 3 of the last day did not arrive", "baton serve"),
        ((401, 202), Level.BAD, "refused for its signature", "BATON_WEBHOOK_SECRET"),
        ((0, 202), Level.BAD, "found nobody", "tunnel"),
        ((503,), Level.BAD, "answered with 503", "/advanced"),
    ],
)
def test_deliveries_that_do_not_arrive_are_told(
    statuses: tuple[int, ...], level: Level, found: str, mend: str
) -> None:
    """What fails now is ✘ with its cause; what failed before and works again is a warning."""
    told = judge_deliveries(Section("GitHub"), attempts(*statuses), "PAGE", Settings())
    assert told.level is level
    assert found in told.found
    assert mend in told.mend


def test_a_delivery_that_came_at_the_second_try_has_arrived() -> None:
    """A redelivery has the GUID of the first attempt."""
    failed, later = attempts(502, 202)
    both = [later.model_copy(update={"guid": failed.guid}), failed]
    told = judge_deliveries(Section("GitHub"), both, "PAGE", Settings(smee_url="https://smee.io/x"))
    assert told.level is Level.OK
    assert "all 1" in told.found
    assert "smee" in told.found


async def test_the_forges_list_of_deliveries_is_looked_at(household: Household) -> None:
    """With nobody at the webhook's address the App's ping is told as lost."""
    async with forge(household, hook=f"{refused_address()}/webhooks/github"):
        report = await at_node(household, refused_address())
    assert "found nobody" in the(report, "deliveries", Level.BAD).found
