from pathlib import Path

from shared.sandbox import Sandbox
from shared.target import prepare, run_tests
from shared.target.generated import lay

from .kit import lay as write
from .kit import listing

PROJECT = """
    [project]
    name = "sample"
    dynamic = ["version"]
    [build-system]
    requires = []
    build-backend = "own_backend"
    backend-path = ["backend"]
"""
BACKEND = """
    import os, zipfile
    def build_wheel(out, config=None, metadata=None):
        with zipfile.ZipFile(out + "/sample.whl", "w") as wheel:
            wheel.writestr("sample-4.dist-info/METADATA", "Name: sample\\nVersion: 4")
            wheel.writestr("sample/_version.py", "version = 4")
            wheel.writestr("sample/not_ignored.py", "")
            wheel.writestr("sample/__init__.py", "raise SystemExit")
            wheel.writestr("elsewhere/_version.py", "")
        return "sample.whl"
"""


async def test_generated_module(tmp_path: Path, cache: Path, sandbox: Sandbox) -> None:
    """A module that only the build makes is there for the tests, and never for a commit."""
    files = {
        "pyproject.toml": PROJECT,
        "backend/own_backend.py": BACKEND,
        ".gitignore": "_version.py\n",
        "src/sample/__init__.py": "from sample._version import version",
        "tests/test_a.py": "import sample\ndef test_version(): assert sample.version == 4",
    }
    root = write(tmp_path / "a", files)
    before = listing(root)
    target = await prepare(root, cache, sandbox)
    assert listing(root) == before
    found = await run_tests(target, root, sandbox)
    assert found.passed == {"tests/test_a.py::test_version"}
    assert set(listing(root)) - set(before) == {"src/sample/_version.py"}


def test_never_through_a_link(tmp_path: Path) -> None:
    """A folder of the checkout that is a link out of it gets nothing, nor does a dangling link."""
    kept = write(tmp_path / "kept", {"sample/_version.py": "", "other/_version.py": ""})
    outside = write(tmp_path / "outside", {"a.txt": ""})
    checkout = write(tmp_path / "checkout", {"other/__init__.py": ""})
    (checkout / "sample").symlink_to(outside)
    (checkout / "other" / "_version.py").symlink_to(outside / "made")
    lay(kept, checkout)
    assert listing(outside) == ["a.txt"]
