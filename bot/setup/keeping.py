"""Keep what GitHub handed out: a key file and an env file that only their owner may read."""

import json
import os
import re
import tempfile
from collections.abc import Mapping
from pathlib import Path

from bot.setup.manifest import Registered
from shared.errors import ConfigurationError
from shared.github import GitHubUrls

_LINE = re.compile(r"\s*(?:export\s+)?(BATON_\w+)\s*=")


def keep(app: Registered, urls: GitHubUrls, env_file: Path, smee: str = "") -> Path:
    """Write the key beside the env file and the settings into it; return the key's path.

    Other lines of the env file stay. Raises ConfigurationError when either cannot be written.
    """
    key_file = env_file.parent / f"{app.slug}.pem"
    settings = {
        "BATON_APP_ID": str(app.id),
        "BATON_PRIVATE_KEY_FILE": str(key_file.absolute()),
        "BATON_WEBHOOK_SECRET": app.webhook_secret.get_secret_value(),
        "BATON_GITHUB_API_URL": urls.api,
        "BATON_GITHUB_WEB_URL": urls.web,
    }
    if smee:
        settings["BATON_SMEE_URL"] = smee
    try:
        before = env_file.read_text("utf-8") if env_file.exists() else ""
        _write(key_file, app.pem.get_secret_value())
        _write(env_file, merged(before, settings))
    except OSError as error:
        raise ConfigurationError(
            f"{error.filename or env_file.parent} cannot be written ({error.strerror}). The App "
            f"exists at {app.html_url}: make a new key and a new webhook secret in its settings."
        ) from error
    return key_file


def merged(before: str, settings: Mapping[str, str]) -> str:
    """Replace the lines of these settings in an env file, and leave the others as they are.

    A personal token goes: an App takes its place.
    """
    gone = {*settings, "BATON_GITHUB_TOKEN"}
    kept = [
        line
        for line in before.splitlines()
        if (found := _LINE.match(line)) is None or found[1] not in gone
    ]
    lines = [f"{name}={json.dumps(value)}" for name, value in settings.items()]
    return "\n".join([*kept, *lines]) + "\n"


def _write(path: Path, text: str) -> None:
    """Write a file whole or not at all; temporary files are their owner's alone (0600)."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile("w", dir=path.parent, delete=False, encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    Path(file.name).replace(path)
