import re
from pathlib import Path

import pytest

from shared.errors import ConfigurationError
from shared.settings import Settings, load_settings

DOCS = Path(__file__).parents[2] / "docs" / "settings.md"


def variable(name: str) -> str:
    """Return the environment variable of a setting."""
    return "BATON_GITHUB_TOKEN" if name == "token" else f"BATON_{name.upper()}"


def write(path: Path, *lines: str) -> Path:
    """Write an env file."""
    file = path / "baton.env"
    file.write_text("\n".join(lines), encoding="utf-8")
    return file


def test_every_setting_is_documented_and_no_other() -> None:
    """The page of settings names exactly the settings there are."""
    told = set(re.findall(r"^\| `(BATON_\w+)`", DOCS.read_text("utf-8"), re.MULTILINE))
    assert told == {variable(name) for name in Settings.model_fields}


@pytest.mark.parametrize(
    ("lines", "told"),
    [
        (["BATON_PORT=99999"], "BATON_PORT: "),
        (["BATON_APP_ID=twelve"], "BATON_APP_ID: "),
        (["BATON_APP_ID=12"], "BATON_PRIVATE_KEY_FILE must name"),
        (["BATON_APP_ID=1", "BATON_PRIVATE_KEY_FILE=x", "BATON_GITHUB_TOKEN=t"], "not both"),
        (["BATON_GITHUB_API_URL=ftp://x"], "BATON_GITHUB_API_URL: "),
    ],
)
def test_a_wrong_setting_is_named(tmp_path: Path, lines: list[str], told: str) -> None:
    """An operator reads which variable is wrong."""
    with pytest.raises(ConfigurationError, match=re.escape(told)):
        load_settings(write(tmp_path, *lines))


def test_no_error_shows_a_secret(tmp_path: Path) -> None:
    """A secret beside a mistake stays out of the message."""
    file = write(tmp_path, "BATON_WEBHOOK_SECRET=hush-hush", "BATON_PORT=no")
    with pytest.raises(ConfigurationError) as caught:
        load_settings(file)
    assert "hush" not in str(caught.value)


def test_a_missing_env_file_is_an_error(tmp_path: Path) -> None:
    """A mistyped path does not silently leave the settings empty."""
    with pytest.raises(ConfigurationError, match="no env file"):
        load_settings(tmp_path / "nowhere.env")


def test_the_webhook_secret_is_required() -> None:
    """Without a secret there is no gateway, and the error shows how to make one."""
    with pytest.raises(ConfigurationError, match=r"secrets\.token_hex"):
        Settings().require_webhook_secret()


def test_an_unreadable_key_is_named(tmp_path: Path) -> None:
    """The file that should hold the App's key is in the error."""
    settings = Settings(app_id=1, private_key_file=tmp_path / "absent.pem")
    with pytest.raises(ConfigurationError, match=r"absent\.pem"):
        settings.private_key()
