from collections.abc import Mapping
from pathlib import Path

import pytest

from bot.workers.fitness import require_means
from shared import profiles
from shared.errors import ConfigurationError
from shared.settings import load_settings

_GOOD = {
    "BATON_DATABASE_URL": "postgresql://baton:hush-hush@10.0.0.1/baton",
    "BATON_GATEWAY_URL": "http://10.0.0.1:8420",
}


def told(tmp_path: Path, changes: Mapping[str, str | None], node: str = "macmini") -> str:
    """Return what a worker with these settings is told when it starts; nothing when it may."""
    lines = {name: value for name, value in {**_GOOD, **changes}.items() if value is not None}
    file = tmp_path / "worker.env"
    file.write_text("".join(f"{name}={value}\n" for name, value in lines.items()))
    try:
        require_means(load_settings(file), profiles.load("distributed"), node)
    except ConfigurationError as error:
        return str(error)
    return ""


def test_a_worker_with_database_and_gateway_may_start(tmp_path: Path) -> None:
    """A node of the profile, a shared database and the gateway's address are all it needs."""
    assert told(tmp_path, {}) == ""


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("BATON_GITHUB_TOKEN", "ghp_secret"),
        ("BATON_PRIVATE_KEY_FILE", "/keys/app.pem"),
        ("BATON_WEBHOOK_SECRET", "hush"),
        ("BATON_GEMINI_API_KEY", "AIza"),
        ("BATON_OPENAI_API_KEY", "sk-"),
        ("BATON_ANTHROPIC_API_KEY", "sk-ant"),
    ],
)
def test_a_worker_with_a_key_does_not_start(tmp_path: Path, name: str, value: str) -> None:
    """Each key to GitHub or to a cloud is refused by its name, and its value is not shown."""
    said = told(tmp_path, {name: value})
    assert f"but {name} is set here" in said
    assert value not in said


@pytest.mark.parametrize(
    ("changes", "line"),
    [
        ({"BATON_DATABASE_URL": None}, "export BATON_DATABASE_URL=postgresql://"),
        ({"BATON_GATEWAY_URL": None}, "export BATON_GATEWAY_URL=http://"),
        ({"BATON_DATABASE_URL": "sqlite:////home/baton.db"}, "postgresql://USER:PASSWORD@"),
        ({"BATON_DATABASE_URL": "postgresql://baton:hush-hush@10.0.0.1"}, "postgresql://USER"),
        ({"BATON_DATABASE_URL": "hush-hush"}, "postgresql://USER:PASSWORD@"),
    ],
)
def test_what_is_missing_is_told_as_a_line_to_type(
    tmp_path: Path, changes: dict[str, str | None], line: str
) -> None:
    """No database, a SQLite file, no gateway: the message has what to type, and no password."""
    said = told(tmp_path, changes)
    assert line in said
    assert "hush-hush" not in said


def test_a_node_that_nobody_knows_is_refused(tmp_path: Path) -> None:
    """The message names the nodes of the profile."""
    assert "Choose one of macbook, macmini" in told(tmp_path, {}, node="mini")
