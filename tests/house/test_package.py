import sys
from collections.abc import Iterable
from importlib.metadata import packages_distributions
from pathlib import Path
from zipfile import ZipFile

import pytest

from tests.house.commands import ended
from tests.house.project import PACKAGES, ROOT, tracked


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> ZipFile:
    """Build the wheel as a release does; the network only where the cache does not do."""
    out = tmp_path_factory.mktemp("wheel")
    build = (sys.executable, "-m", "uv", "build", "--wheel", "--out-dir", str(out))
    ran = ended(*build, "--offline", cwd=ROOT)
    ran = ran if ran.returncode == 0 else ended(*build, cwd=ROOT)
    assert ran.returncode == 0, ran.stdout
    (built,) = out.glob("*.whl")
    return ZipFile(built)


def top_level(names: Iterable[str]) -> set[str]:
    """Return the first folders of paths."""
    return {name.partition("/")[0] for name in names}


def test_the_wheel_holds_the_four_packages_and_nothing_else(wheel: ZipFile) -> None:
    """An installation adds four top-level names; no tests, benchmarks or tools come along."""
    found = {name for name in top_level(wheel.namelist()) if not name.endswith(".dist-info")}
    assert found == set(PACKAGES)


def test_the_wheel_holds_every_file_of_the_packages(wheel: ZipFile) -> None:
    """Prompts, templates, profiles and the demo's data arrive with the code that reads them."""
    ours = {name for name in tracked() if name.startswith(tuple(f"{p}/" for p in PACKAGES))}
    held = set(wheel.namelist())
    assert ours - held == set()
    assert {Path(name).suffix for name in held} >= {".py", ".md", ".toml", ".typed"}


def test_the_wheel_installs_the_command(wheel: ZipFile) -> None:
    """The console script is named baton, and the licence is in the wheel."""
    (points,) = (name for name in wheel.namelist() if name.endswith("entry_points.txt"))
    assert "baton = bot.cli:main" in wheel.read(points).decode()
    assert any(name.endswith("licenses/LICENSE") for name in wheel.namelist())


@pytest.mark.parametrize("name", [*PACKAGES, "tests", "benchmarks"])
def test_no_other_distribution_claims_our_names(name: str) -> None:
    """No dependency installs a module named like ours; pip would mix the two silently."""
    assert set(packages_distributions().get(name, ())) <= {"baton-bot"}
