import os
from pathlib import Path

import pytest

from bot.occupancy import Occupancy
from shared.errors import ConfigurationError


def test_a_second_gateway_is_refused_with_the_number_of_the_first(tmp_path: Path) -> None:
    """Two gateways on one state directory would do things twice; the second one is told so."""
    first = Occupancy.of(tmp_path)
    with pytest.raises(ConfigurationError, match=f"Process {os.getpid()} already runs"):
        Occupancy.of(tmp_path)
    first.release()
    Occupancy.of(tmp_path).release()


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    """The error names the folder and the setting."""
    (tmp_path / "file").touch()
    with pytest.raises(ConfigurationError, match="Set BATON_HOME"):
        Occupancy.of(tmp_path / "file" / "home")
