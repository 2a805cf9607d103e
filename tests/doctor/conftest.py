from pathlib import Path

import pytest
from fastapi import FastAPI

from bot.demo.recorded_model import create_recorded_model
from bot.demo.recording import Recording
from shared import profiles
from tests.doctor.house import HUSH, Household
from tests.forge.world import pem, private_key


@pytest.fixture
def household(tmp_path: Path) -> Household:
    """Give an operator's folder: an App's key, a webhook secret, a state directory."""
    key = tmp_path / "app.pem"
    key.write_text(pem(private_key()), encoding="ascii")
    key.chmod(0o600)
    settings = {
        "HOME": tmp_path / "state",
        "CACHE": tmp_path / "cache",
        "WEBHOOK_SECRET": HUSH,
        "APP_ID": 1,
        "PRIVATE_KEY_FILE": key,
        "ALLOW_ROOT_SANDBOX": "true",
        "GITHUB_API_URL": "http://127.0.0.1:9/api/v3",
        "GITHUB_WEB_URL": "http://127.0.0.1:9",
    }
    return Household(tmp_path, settings)


@pytest.fixture
def recorded(household: Household) -> FastAPI:
    """Give the recorded model server of the demo, which holds the profile's model."""
    models = profiles.load(household.profile("http://127.0.0.1:1")).models
    return create_recorded_model(Recording(entries=()), models=models)
