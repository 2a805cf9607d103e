"""What tests of a repository do to the place where their report is written."""

from pathlib import Path, PurePosixPath

import pytest

from shared.sandbox import Command, Ended, Limits, Mount, Sandbox
from shared.target import prepare, run_tests
from tests.target.kit import lay


@pytest.mark.parametrize(
    "trick",
    ["os.symlink('/etc/hostname', r)", "os.mkfifo(r)", "os.mkdir(r)", "os.truncate(r, 1 << 26)"],
)
async def test_report_of_another_kind(
    trick: str, tmp_path: Path, sandbox: Sandbox, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """A link, a pipe, a folder or a giant in place of the report is a doubt, not a failure."""
    test = f"""
    import atexit, os, sys
    def late():
        r = [word for word in sys.argv if word.startswith("--junitxml=")][0][11:]
        if "truncate" not in {trick!r}: os.unlink(r)
        {trick}
    atexit.register(late)
    def test(): pass
    """
    files = {"tests/test_a.py": test, "pyproject.toml": '[project]\nname="a"\nversion="1"\n'}
    cache = tmp_path_factory.getbasetemp() / "environments"
    target = await prepare(lay(tmp_path, files), cache, sandbox)
    found = await run_tests(target, tmp_path, sandbox)
    assert found.doubts
    assert not found.outcomes


async def test_results_cannot_fill_the_disk(tmp_path: Path, sandbox: Sandbox) -> None:
    """What is written outside of the workspace counts as well."""
    workspace, results = tmp_path / "workspace", tmp_path / "results"
    workspace.mkdir()
    results.mkdir()
    target = PurePosixPath("/baton/results") if sandbox.name == "bubblewrap" else results
    command = Command(
        argv=("sh", "-c", f"head -c 40000000 /dev/zero > {target}/x"),
        mounts=(Mount(source=results, target=PurePosixPath(target), writable=True),),
        limits=Limits(seconds=60, disk_bytes=10_000_000),
    )
    assert (await sandbox.run(command, workspace)).ended is Ended.DISK_LIMIT
