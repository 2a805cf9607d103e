"""Requirements and packages of a repository are data: uv runs and reads nothing for them."""

from pathlib import Path

import pytest

from shared.errors import TargetError
from shared.sandbox import Sandbox
from shared.target import prepare
from shared.target.installer import create_environment, fill_environment, install
from tests.security.conftest import make_wheel
from tests.target.kit import lay


@pytest.fixture
def wheels(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Give uv a folder of wheels instead of an index, and an empty cache."""
    folder = tmp_path / "wheels"
    folder.mkdir()
    monkeypatch.setenv("UV_FIND_LINKS", str(folder))
    monkeypatch.setenv("UV_NO_INDEX", "1")
    monkeypatch.setenv("UV_CACHE_DIR", str(tmp_path / "uv-cache"))
    return folder


@pytest.mark.parametrize(
    "line",
    [
        "-r {file}",
        "-c {file}",
        "-e {folder}",
        "--index-url http://127.0.0.1:9/",
        "pip\n-r {file}",
        "pip\r-r {file}",
        "pip \\\n-r {file}",
        "{file}",
        "hidden @ file://{file}",
        "hidden @ git+https://127.0.0.1:9/x.git",
        "hidden @ http://127.0.0.1:9/hidden-1.0-py3-none-any.whl",
    ],
)
@pytest.mark.parametrize("kind", ["requirement", "constraint"])
async def test_requirements_are_names(line: str, kind: str, tmp_path: Path) -> None:
    """No line makes uv read a file of the host, another index or an address of its own."""
    hidden = tmp_path / "token"
    hidden.write_text("topsecret-token-value\n")
    hostile = line.format(file=hidden, folder=tmp_path)
    lines, pins = ([hostile], []) if kind == "requirement" else ([], [hostile])
    with pytest.raises(TargetError) as refusal:
        await install(lines, into=("--target", "t"), folder=tmp_path, constraints=pins)
    assert "topsecret" not in str(refusal.value)


@pytest.mark.parametrize(
    "files",
    [
        {"pyproject.toml": '[build-system]\nrequires = ["-r {file}"]\nbuild-backend = "x"\n'},
        {"pyproject.toml": '[build-system]\nrequires = ["a\\n-r {file}"]\nbuild-backend = "x"\n'},
        {"uv.lock": '[[package]]\nname = "x"\nversion = "1\\n-r {file}"\n'},
        {".github/baton.yml": 'requirements: ["-r {file}"]\n'},
        {"requirements-test.txt": "-r {file}\n"},
        {"requirements-test.txt": "-r ../token.txt\n"},
    ],
)
async def test_repository_cannot_name_host_files(
    files: dict[str, str], tmp_path: Path, sandbox: Sandbox
) -> None:
    """What a repository states about its needs never carries a file of the host into a message."""
    (tmp_path / "token.txt").write_text("topsecret-token-value\n")
    hostile = {name: text.format(file=tmp_path / "token.txt") for name, text in files.items()}
    checkout = lay(tmp_path / "a", {"setup.py": "", "tests/test_a.py": "def test(): pass"})
    lay(checkout, hostile)
    try:
        said = (await prepare(checkout, tmp_path / "cache", sandbox)).detected
    except TargetError as error:
        said = str(error)
    assert "topsecret" not in said


async def test_packages_do_not_run_while_installed(
    tmp_path: Path, wheels: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A package's `.pth` is not run on the host, not even when the operator has bytecode made."""
    trace = tmp_path / "trace"
    make_wheel(wheels, "evil", {"evil.pth": f"import os; open({str(trace)!r}, 'w').close()\n"})
    monkeypatch.setenv("UV_COMPILE_BYTECODE", "1")
    monkeypatch.setenv("UV_NO_CACHE", "1")
    await fill_environment(["evil"], tmp_path / "python", folder=tmp_path)
    assert list((tmp_path / "python").rglob("evil.pth"))
    assert not trace.exists()


async def test_second_try_does_not_start_what_the_first_left(
    tmp_path: Path, wheels: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A package that one installation left there is not run by the next one."""
    trace = tmp_path / "trace"
    make_wheel(wheels, "evil", {"evil.pth": f"import os; open({str(trace)!r}, 'w').close()\n"})
    monkeypatch.setenv("UV_NO_CACHE", "1")
    for _ in range(2):
        await fill_environment(["evil"], tmp_path / "python", folder=tmp_path)
    assert not trace.exists()


async def test_environment_is_made_anew(tmp_path: Path, wheels: Path) -> None:
    """Nothing of an environment that stood there before is left."""
    make_wheel(wheels, "harmless", {"harmless.py": ""})
    python = tmp_path / "python"
    await create_environment(python)
    planted = python / "bin" / "python"
    planted.unlink()
    planted.write_text(f"#!/bin/sh\ntouch {tmp_path / 'trace'}\n")
    planted.chmod(0o755)
    await fill_environment(["harmless"], python, folder=tmp_path)
    assert not (tmp_path / "trace").exists()
