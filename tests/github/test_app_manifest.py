from pathlib import Path
from typing import Any

import yaml

from bot.deliveries import HANDLERS
from shared.github import GitHubRepo
from shared.github.permissions import NEEDED, union
from webhooks.events import MODELS
from webhooks.routes import PATH

MANIFEST: dict[str, Any] = yaml.safe_load(
    (Path(__file__).parents[2] / "app.yml").read_text(encoding="utf-8")
)
UNASKED = {"ping", "installation", "installation_repositories"}


def test_every_event_asked_for_is_read() -> None:
    """The manifest asks for exactly the events that the webhooks read, but for the unasked ones."""
    assert set(MANIFEST["default_events"]) == set(MODELS) - UNASKED


def test_every_event_asked_for_leads_to_something() -> None:
    """The manifest asks for no event that nobody handles; of those unasked only the ping is one."""
    assert set(MANIFEST["default_events"]) == set(HANDLERS) - UNASKED
    assert set(MODELS) - set(HANDLERS) == {"ping"}


def test_permissions_are_the_least() -> None:
    """The manifest grants what the calls need together, and nothing more."""
    assert MANIFEST["default_permissions"] == union()
    assert "workflows" not in MANIFEST["default_permissions"]


def test_every_call_states_its_permissions() -> None:
    """No method of a repository is missing in the table of permissions."""
    calls = {
        name
        for name in dir(GitHubRepo)
        if not name.startswith("_") and callable(getattr(GitHubRepo, name))
    }
    assert calls == set(NEEDED)


def test_deliveries_go_to_the_route() -> None:
    """The manifest's address ends in the path that is served; only the owner can install."""
    assert MANIFEST["hook_attributes"]["url"].endswith(PATH)
    assert MANIFEST["public"] is False
    assert set(MANIFEST) == {
        "name",
        "url",
        "hook_attributes",
        "redirect_url",
        "public",
        "default_events",
        "default_permissions",
    }
