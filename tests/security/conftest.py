"""Real sandboxes, and wheels as a hostile author would make them."""

import zipfile
from collections.abc import Mapping
from pathlib import Path

import pytest

from shared.sandbox import Sandbox, open_sandbox


@pytest.fixture(scope="session")
def sandbox() -> Sandbox:
    """Open this machine's sandbox; in CI the tests run as root."""
    return open_sandbox(allow_root=True)


def make_wheel(folder: Path, name: str, files: Mapping[str, str]) -> Path:
    """Write a wheel of version 1.0."""
    info = f"{name}-1.0.dist-info"
    about = {
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n",
        f"{info}/WHEEL": (
            "Wheel-Version: 1.0\nGenerator: hand\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        ),
    }
    everything = {**files, **about}
    record = "".join(f"{path},,\n" for path in (*everything, f"{info}/RECORD"))
    path = folder / f"{name}-1.0-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as wheel:
        for member, text in everything.items():
            wheel.writestr(member, text)
        wheel.writestr(f"{info}/RECORD", record)
    return path
