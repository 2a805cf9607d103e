import asyncio
import socket
import sys
from pathlib import Path

import pytest

from shared.errors import TargetError
from shared.sandbox import Sandbox
from shared.target import Overrides, prepare, run_tests
from shared.target.environment import Environment
from shared.target.installer import redacted

from .kit import SAMPLE, lay

PROJECT = """
    [project]
    name = "sample"
    version = "2.5"
    dependencies = ["iniconfig"]
    [project.entry-points.pytest11]
    sample = "sample"
"""
PLUGIN = """
    from importlib.metadata import version
    import iniconfig
    import pytest

    @pytest.fixture
    def own_version():
        return version("sample")
"""
PLUGIN_TEST = "def test_version(own_version): assert own_version == '2.5'"

BUILD = """
    import os, socket
    def get_requires_for_build_wheel(config): return []
    def build_wheel(out, config=None, metadata=None):
        import zipfile
        {act}
        lines = ["Metadata-Version: 2.1", "Name: sample", "Version: 7", "Requires-Dist: iniconfig"]
        with zipfile.ZipFile(out + "/sample-7-py3-none-any.whl", "w") as wheel:
            wheel.writestr("sample-7.dist-info/METADATA", "\\n".join(lines))
        return "sample-7-py3-none-any.whl"
"""
BUILT = """
    [project]
    name = "sample"
    dynamic = ["version", "dependencies"]
    [build-system]
    requires = []
    build-backend = "own_backend"
    backend-path = ["."]
"""
BUILT_TEST = """
    import iniconfig
    from importlib.metadata import version
    def test_version(): assert version("sample") == "7"
"""


async def test_project_is_known_as_installed(tmp_path: Path, cache: Path, sandbox: Sandbox) -> None:
    """Dependencies, own version and own entry points are there, with nothing of it installed."""
    files = {"pyproject.toml": PROJECT, "sample.py": PLUGIN, "tests/test_a.py": PLUGIN_TEST}
    target = await prepare(lay(tmp_path, files), cache, sandbox)
    found = await run_tests(target, tmp_path, sandbox)
    assert found.passed == {"tests/test_a.py::test_version"}


async def test_backend_is_asked_inside(tmp_path: Path, cache: Path, sandbox: Sandbox) -> None:
    """What only the build backend knows is learnt from it, in the sandbox, on a copy."""
    act = "open('trace', 'w').close(); assert not os.path.exists('/etc/shadow')"
    files = {
        "pyproject.toml": BUILT,
        "own_backend.py": BUILD.format(act=act),
        "sample.py": SAMPLE,
        "tests/test_a.py": BUILT_TEST,
    }
    target = await prepare(lay(tmp_path, files), cache, sandbox)
    found = await run_tests(target, tmp_path, sandbox)
    assert found.passed == {"tests/test_a.py::test_version"}
    assert not (tmp_path / "trace").exists()


@pytest.mark.parametrize(
    ("act", "words"),
    [
        ("raise RuntimeError('cannot build')", "cannot build"),
        ("socket.create_connection(('127.0.0.1', 9), 1)", "backend failed"),
        ("os.symlink('/etc', out + '/dist-info')", "backend failed"),
        ("os.unlink(out + '/requires.json')", "no list of requirements"),
    ],
)
async def test_backend_that_fails(
    act: str, words: str, tmp_path: Path, cache: Path, sandbox: Sandbox
) -> None:
    """A backend that fails or reaches out is told of; the tests run without its metadata."""
    files = {
        "pyproject.toml": BUILT,
        "own_backend.py": BUILD.format(act=act),
        "sample.py": SAMPLE,
        "tests/test_a.py": "import sample\ndef test_one(): pass",
    }
    target = await prepare(lay(tmp_path, files), cache, sandbox)
    assert words in target.detected
    assert (await run_tests(target, tmp_path, sandbox)).collected_cleanly


async def test_built_once(tmp_path: Path, sandbox: Sandbox) -> None:
    """Runs at the same time and later ones share an environment until its requirements change."""
    project = lay(tmp_path / "a", {"pyproject.toml": PROJECT, "sample.py": SAMPLE})
    cache = tmp_path / "cache"
    first, second = await asyncio.gather(*(prepare(project, cache, sandbox) for _ in range(2)))
    assert first == second
    assert first.environment is not None
    record = first.environment / "environment.json"
    installed = Environment.model_validate_json(record.read_text()).requirements
    assert installed == ("pytest", "iniconfig")
    built = record.stat().st_mtime_ns
    lay(project, {"sample.py": "changed = True"})
    again = await prepare(project, cache, sandbox)
    assert again.environment == first.environment
    assert record.stat().st_mtime_ns == built
    lay(project, {"requirements-test.txt": "packaging"})
    other = await prepare(project, cache, sandbox)
    assert other.environment != first.environment
    assert len([folder for folder in cache.iterdir() if folder.is_dir()]) == 2


async def test_offline_the_second_time(
    tmp_path: Path, cache: Path, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Once the packages are on this machine, a new environment needs no network."""
    files = {"pyproject.toml": PROJECT, "sample.py": PLUGIN, "tests/test_a.py": PLUGIN_TEST}
    await prepare(lay(tmp_path, files), cache, sandbox)
    monkeypatch.setenv("UV_OFFLINE", "1")
    target = await prepare(tmp_path, tmp_path / "new", sandbox)
    assert (await run_tests(target, tmp_path, sandbox)).collected_cleanly


async def test_what_cannot_be_installed(
    tmp_path: Path, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A requirement that cannot be met is named by uv's words, and leaves nothing behind."""
    monkeypatch.setenv("UV_OFFLINE", "1")
    project = lay(tmp_path / "a", {"sample.py": SAMPLE, "test_a.py": "def test(): pass"})
    cache = tmp_path / "cache"
    overrides = Overrides(requirements=("no-such-package-for-baton",))
    with pytest.raises(TargetError, match="no-such-package-for-baton"):
        await prepare(project, cache, sandbox, overrides=overrides)
    assert not [path for path in cache.iterdir() if path.is_dir()]


async def test_development_requirements_may_be_missing(
    tmp_path: Path, cache: Path, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Tools for developers that cannot be installed are left out, and that is said."""
    monkeypatch.setenv("UV_OFFLINE", "1")
    files = {
        "requirements-dev.txt": "no-such-package-for-baton",
        "tests/test_a.py": "def test(): pass",
    }
    target = await prepare(lay(tmp_path, files), cache, sandbox)
    assert "development requirements could not be installed" in target.detected
    assert (await run_tests(target, tmp_path, sandbox)).collected_cleanly


async def test_other_python_is_refused(tmp_path: Path, cache: Path, sandbox: Sandbox) -> None:
    """A project for another Python is told which one Baton runs on."""
    project = '[project]\nname = "a"\nversion = "1"\nrequires-python = "<3"\n'
    with pytest.raises(TargetError, match="asks for Python <3"):
        await prepare(lay(tmp_path, {"pyproject.toml": project}), cache, sandbox)


BUILDER = """
import asyncio, sys
from pathlib import Path
from shared.sandbox import open_sandbox
from shared.target import prepare
checkout, cache = map(Path, sys.argv[1:])
asyncio.run(prepare(checkout, cache, open_sandbox(allow_root=True)))
"""


async def test_kill_in_the_middle(tmp_path: Path, sandbox: Sandbox) -> None:
    """A builder killed while it installs leaves nothing that the next one stumbles over."""
    project = lay(tmp_path / "a", {"sample.py": SAMPLE, "tests/test_a.py": "def test(): pass"})
    cache = tmp_path / "cache"
    with socket.create_server(("127.0.0.1", 0)) as silent_index:
        silent_index.settimeout(0)
        port = silent_index.getsockname()[1]
        builder = await asyncio.create_subprocess_exec(
            *(sys.executable, "-P", "-c", BUILDER, str(project), str(cache)),
            env={
                "PATH": "/usr/bin:/bin",
                "HOME": str(tmp_path),
                "UV_CACHE_DIR": str(tmp_path / "empty"),
                "UV_DEFAULT_INDEX": f"http://127.0.0.1:{port}/simple",
            },
        )
        accept = asyncio.get_running_loop().sock_accept(silent_index)
        connection, _ = await asyncio.wait_for(accept, 60)
        assert list(cache.glob("*.building-*"))
        builder.kill()
        await builder.wait()
        connection.close()
        target = await prepare(project, cache, sandbox)
    assert not list(cache.glob("*.building-*"))
    assert (await run_tests(target, project, sandbox)).collected_cleanly


@pytest.mark.parametrize(
    "url", ["https://user:secret@host/simple", "https://host/simple?token=secret&a=b"]
)
def test_no_credentials_in_messages(url: str) -> None:
    """What may be a credential is taken out of uv's words."""
    assert "secret" not in redacted(f"could not fetch `{url}`")
